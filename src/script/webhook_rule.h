#ifndef WEBHOOK_RULE_H
#define WEBHOOK_RULE_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "list.h"
#include "op.h"
#include "slice.h"
#include "transport.h"

/* What bot:webhook registered: its name, who may call it and how that is
 * proved. Signatures and tokens are checked here, before any Lua runs. */

enum webhook_verify {
    WEBHOOK_OPEN,     /* whoever knows the address */
    WEBHOOK_GITHUB,   /* X-Hub-Signature-256: sha256=HMAC of the body */
    WEBHOOK_GITLAB,   /* X-Gitlab-Token: the secret */
    WEBHOOK_HMAC,     /* X-Signature-256, or `header`: [sha256=]HMAC, hex */
    WEBHOOK_TOKEN,    /* Authorization: Bearer secret, or `header`: secret */
    WEBHOOK_FUNCTION, /* the script's own, in Lua */
    WEBHOOK_KINDS
};

struct webhook {
    struct list node;
    int id;
    char *name, *where;
    char *methods; /* "GET, POST" */
    enum webhook_verify verify;
    char *header; /* lower case, where the proof stands; NULL: none */
    struct buf secret;
    size_t max_body;
    bool off; /* cancelled */
};

/* args: those of script.webhook; placeholder: the secret when there is none,
 * NULL: that is an error. Returns owned. */
struct webhook *webhook_rule_new(struct op *op, struct slice args,
                                 const char *placeholder, struct err *err);
void webhook_rule_free(struct webhook *webhook);

bool webhook_rule_allows(const struct webhook *webhook, struct slice method);
/* Is it from somebody who has the secret? True for OPEN and FUNCTION. */
bool webhook_rule_verify(const struct webhook *webhook,
                         const struct http_head *head, struct slice body);
/* Is it the header whose value is the secret itself? name: lower case. */
bool webhook_rule_is_token(const struct webhook *webhook, struct slice name);
/* What stands in webhook->header of a request that is. Nothing for OPEN and
 * FUNCTION. */
int webhook_rule_sign(const struct webhook *webhook, struct slice body,
                      struct buf *out);

#endif
