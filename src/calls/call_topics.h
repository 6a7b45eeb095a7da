#ifndef CALL_TOPICS_H
#define CALL_TOPICS_H

#include "call.h"

/* Each topic is one file with one table, ended by a row without a name. */
extern const struct call call_account_table[];
extern const struct call call_client_table[];
extern const struct call call_http_table[];
extern const struct call call_job_table[];
extern const struct call call_log_table[];
extern const struct call call_login_table[];
extern const struct call call_member_table[];
extern const struct call call_members_table[];
extern const struct call call_raw_table[];
extern const struct call call_room_table[];
extern const struct call call_send_table[];
extern const struct call call_store_table[];
extern const struct call call_sync_table[];
extern const struct call call_timer_table[];

#endif
