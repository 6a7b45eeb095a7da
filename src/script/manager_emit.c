#include "emission.h"
#include "event.h"
#include "limits.h"
#include "manager_internal.h"

/* bot:emit: to every script that listens, or to none. */

static int check_room(struct manager *manager,
                      const struct sync_occasion *occasion, struct err *err)
{
    list_each_safe(node, &manager->members)
    {
        struct member *member = list_entry(node, struct member, node);
        if (instance_wants(member->instance, occasion) &&
            instance_has_room(member->instance, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int give(struct manager *manager, const struct sync_occasion *occasion,
                struct err *err)
{
    int count = 0;
    if (check_room(manager, occasion, err) != 0) {
        return -1;
    }
    list_each_safe(node, &manager->members)
    {
        struct member *member = list_entry(node, struct member, node);
        if (!instance_wants(member->instance, occasion)) {
            continue;
        }
        if (instance_emit(member->instance, occasion->event->raw, err) != 0) {
            return -1;
        }
        count++;
    }
    return count;
}

int manager_emit(void *arg, const struct generation *self, struct slice name,
                 struct slice data, struct err *err)
{
    struct event event;
    struct sync_occasion occasion = { .section = EMISSION_SECTION,
                                      .event = &event };
    struct buf json;
    int count = -1;
    buf_init(&json, 2 * LIMIT_EMITTED);
    if (emission_write(self->settings->script.name, name, data, &json, err) !=
        0) {
        goto out;
    }
    if (event_parse(buf_slice(&json), &event) != 0) {
        err_set(err, ERR_SYSTEM, "cannot emit: out of memory");
        goto out;
    }
    count = give(arg, &occasion, err);
    event_free(&event);
out:
    buf_free(&json);
    return count;
}
