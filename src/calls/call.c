#include "call.h"

#include <stddef.h>

#include "call_members.h"
#include "call_topics.h"
#include "op_request.h"

static const struct call *const topics[] = {
    call_account_table, call_client_table, call_http_table, call_job_table,
    call_log_table,     call_login_table,  call_raw_table,  call_member_table,
    call_members_table, call_room_table,   call_send_table, call_store_table,
    call_sync_table,    call_timer_table,
};
#define TOPICS (sizeof(topics) / sizeof(topics[0]))

const struct call *call_find(struct slice name)
{
    for (size_t i = 0; i < TOPICS; i++) {
        for (const struct call *call = topics[i]; call->name; call++) {
            if (slice_is(name, call->name)) {
                return call;
            }
        }
    }
    return NULL;
}

const struct call *call_at(int index)
{
    for (size_t i = 0; i < TOPICS; i++) {
        for (const struct call *call = topics[i]; call->name; call++) {
            if (index-- == 0) {
                return call;
            }
        }
    }
    return NULL;
}

void call_host_close(struct call_host *host)
{
    op_request_close(host, NULL);
    call_members_close(host);
}
