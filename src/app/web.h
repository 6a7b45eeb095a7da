#ifndef WEB_H
#define WEB_H

#include "accounts.h"
#include "config.h"
#include "err.h"
#include "loop.h"

/* HTTP in, as `listen` of the configuration has it: brings
 * /hook/<account>/<script>/<name> to the script's web hook, and answers
 * /metrics where that is wished. */
struct web;

/* Binds the address at once. Returns owned. */
struct web *web_new(struct loop *loop, const struct config_listen *settings,
                    struct err *err);
/* What addresses begin with: public_url, else where it listens. */
const char *web_url(const struct web *web);
/* Before the loop runs. */
void web_set_accounts(struct web *web, const struct accounts *accounts);
/* No new connection; what is under way gets its answer. NULL is fine. */
void web_quiesce(struct web *web);
/* Before the accounts go. NULL is fine. */
void web_free(struct web *web);

#endif
