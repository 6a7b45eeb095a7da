#include "txn.h"

#include "digest.h"

static void add_number(struct digest *digest, uint64_t value)
{
    unsigned char bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(value >> (8 * i));
    digest_add(digest, slice_make((const char *)bytes, sizeof(bytes)));
}

/* The length goes first, so that no two lists of parts hash alike. */
static void add_part(struct digest *digest, struct slice part)
{
    add_number(digest, part.len);
    digest_add(digest, part);
}

/* As many bytes of the hash as TXN_LENGTH characters hold. */
static int add_base32(const unsigned char *hash, struct buf *out)
{
    return digest_base32(slice_make((const char *)hash, TXN_LENGTH * 5 / 8),
                         out);
}

int txn_make(const struct txn_cause *cause, struct slice room_id,
             struct slice type, struct buf *out)
{
    unsigned char hash[SHA256_SIZE];
    struct digest *digest = digest_new();

    if (!digest)
        return -1;
    add_part(digest, slice_str(cause->user_id));
    add_part(digest, slice_str(cause->device_id));
    add_part(digest, slice_str(cause->script));
    add_part(digest, cause->cause);
    add_part(digest, cause->path);
    add_number(digest, cause->ordinal);
    add_part(digest, room_id);
    add_part(digest, type);
    digest_finish(digest, hash);
    return add_base32(hash, out);
}

int txn_random(struct buf *out)
{
    unsigned char bytes[SHA256_SIZE];

    digest_random(bytes, sizeof(bytes));
    return add_base32(bytes, out);
}
