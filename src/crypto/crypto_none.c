#include "crypto.h"

#include <stdlib.h>

struct crypto {
    struct store *store;
};

struct crypto *crypto_new(struct store *store, struct err *err)
{
    struct crypto *crypto = malloc(sizeof(*crypto));

    if (!crypto) {
        err_set(err, ERR_SYSTEM, "encryption: out of memory");
        return NULL;
    }
    crypto->store = store;
    return crypto;
}

void crypto_free(struct crypto *crypto)
{
    free(crypto);
}

int crypto_receive(struct crypto *crypto, struct slice event, struct err *err)
{
    (void)crypto;
    (void)event;
    (void)err;
    return 0;
}

enum crypto_result crypto_decrypt(struct crypto *crypto, struct slice room_id,
                                  struct slice event, struct buf *plain,
                                  struct err *err)
{
    (void)crypto;
    (void)event;
    (void)plain;
    err_set(err, ERR_UNSUPPORTED,
            "room %.*s is encrypted; encryption is not built yet, so this "
            "event cannot be read",
            SLICE_ARG(room_id));
    return CRYPTO_BAD;
}

int crypto_encrypt(struct crypto *crypto, struct slice room_id,
                   struct slice type, struct slice content,
                   struct buf *out_type, struct buf *out, struct err *err)
{
    (void)crypto;
    (void)type;
    (void)content;
    (void)out_type;
    (void)out;
    return err_set(err, ERR_UNSUPPORTED,
                   "room %.*s is encrypted; encryption is not built yet, so "
                   "nothing is sent",
                   SLICE_ARG(room_id));
}
