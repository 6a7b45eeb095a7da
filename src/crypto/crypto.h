#ifndef CRYPTO_H
#define CRYPTO_H

#include "buf.h"
#include "err.h"
#include "slice.h"
#include "store.h"

/* The seam for end-to-end encryption: data in, database rows and wanted
 * requests out; no network here. crypto_none.c stands behind it until the
 * real thing does: it decrypts nothing and refuses to encrypt, so a send into
 * an encrypted room fails and nothing goes out in clear. */
struct crypto;

/* Borrows store. Returns owned. */
struct crypto *crypto_new(struct store *store, struct err *err);
void crypto_free(struct crypto *crypto);

/* A to-device event, inside ingest's transaction, before anything else. */
int crypto_receive(struct crypto *crypto, struct slice event, struct err *err);

enum crypto_result {
    CRYPTO_PLAIN, /* plain holds the decrypted event */
    CRYPTO_PARK,  /* its key may come later */
    CRYPTO_BAD    /* never: *err says why */
};
/* Inside ingest's transaction. */
enum crypto_result crypto_decrypt(struct crypto *crypto, struct slice room_id,
                                  struct slice event, struct buf *plain,
                                  struct err *err);
/* Turns type and content into what goes out. 0: READY, out_type and out hold
 * it; -1: refused (ERR_UNSUPPORTED), nothing may be sent. */
int crypto_encrypt(struct crypto *crypto, struct slice room_id,
                   struct slice type, struct slice content,
                   struct buf *out_type, struct buf *out, struct err *err);

#endif
