#ifndef DIGEST_H
#define DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "slice.h"

/* Hashes, encodings and random bytes (libcrypto). */

#define SHA256_SIZE 32

/* Of libcrypto, "3.0.13". */
const char *digest_version(void);

/* Incremental SHA-256; finish frees. */
struct digest;
struct digest *digest_new(void); /* returns owned, NULL when out of memory */
void digest_add(struct digest *digest, struct slice bytes);
void digest_finish(struct digest *digest, unsigned char out[SHA256_SIZE]);

void digest_sha256(struct slice bytes, unsigned char out[SHA256_SIZE]);
void digest_hmac(struct slice key, struct slice bytes,
                 unsigned char out[SHA256_SIZE]);
/* In constant time; false for different lengths. */
bool digest_equal(struct slice a, struct slice b);

/* Lower-case RFC 4648 base32 without padding: safe in URLs and file names. */
int digest_base32(struct slice bytes, struct buf *out);
int digest_hex(struct slice bytes, struct buf *out);
/* Standard alphabet; padded or not. */
int digest_base64(struct slice bytes, bool padded, struct buf *out);
/* Accepts padded and unpadded, standard and URL-safe; -1 for anything else. */
int digest_base64_decode(struct slice text, struct buf *out);

/* n bytes from the system's generator; aborts when it has none. Under test
 * digest_seed makes every following byte repeatable; seed 0 ends that. */
void digest_random(void *out, size_t n);
void digest_seed(uint64_t seed);

#endif
