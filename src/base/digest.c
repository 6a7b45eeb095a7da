#include "digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#define HMAC_BLOCK 64

struct digest {
    EVP_MD_CTX *ctx;
};

/* A hash that is silently wrong is worse than no process. */
static void must(bool worked)
{
    if (!worked)
        abort();
}

static const unsigned char *bytes_of(struct slice bytes)
{
    return (const unsigned char *)(bytes.ptr ? bytes.ptr : "");
}

struct digest *digest_new(void)
{
    struct digest *digest = calloc(1, sizeof *digest);
    if (!digest)
        return NULL;
    digest->ctx = EVP_MD_CTX_new();
    if (!digest->ctx || EVP_DigestInit_ex(digest->ctx, EVP_sha256(), NULL) != 1)
        goto fail;
    return digest;
fail:
    EVP_MD_CTX_free(digest->ctx);
    free(digest);
    return NULL;
}

void digest_add(struct digest *digest, struct slice bytes)
{
    must(EVP_DigestUpdate(digest->ctx, bytes_of(bytes), bytes.len) == 1);
}

void digest_finish(struct digest *digest, unsigned char out[SHA256_SIZE])
{
    must(EVP_DigestFinal_ex(digest->ctx, out, NULL) == 1);
    EVP_MD_CTX_free(digest->ctx);
    free(digest);
}

void digest_sha256(struct slice bytes, unsigned char out[SHA256_SIZE])
{
    must(SHA256(bytes_of(bytes), bytes.len, out) != NULL);
}

void digest_hmac(struct slice key, struct slice bytes,
                 unsigned char out[SHA256_SIZE])
{
    unsigned char hashed[SHA256_SIZE];
    /* RFC 2104 does the same; and libcrypto wants the length as an int. */
    if (key.len > HMAC_BLOCK) {
        digest_sha256(key, hashed);
        key = slice_make((const char *)hashed, sizeof hashed);
    }
    must(HMAC(EVP_sha256(), bytes_of(key), (int)key.len, bytes_of(bytes),
              bytes.len, out, NULL) != NULL);
    OPENSSL_cleanse(hashed, sizeof hashed);
}

bool digest_equal(struct slice a, struct slice b)
{
    return a.len == b.len &&
           CRYPTO_memcmp(bytes_of(a), bytes_of(b), a.len) == 0;
}

/* Groups of `width` bits, first bits first, as characters of the alphabet. */
static int encode(struct slice bytes, int width, const char *alphabet,
                  struct buf *out)
{
    size_t len =
        bytes.len / (size_t)width * 8 +
        (bytes.len % (size_t)width * 8 + (size_t)width - 1) / (size_t)width;
    char *to = buf_reserve(out, len);
    if (!to)
        return -1;
    unsigned int bits = 0, mask = (1u << width) - 1;
    int held = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bits = (bits << 8 | (unsigned char)bytes.ptr[i]) & 0xFFFF;
        for (held += 8; held >= width; held -= width)
            *to++ = alphabet[bits >> (held - width) & mask];
    }
    if (held > 0)
        *to = alphabet[bits << (width - held) & mask];
    buf_added(out, len);
    return 0;
}

int digest_base32(struct slice bytes, struct buf *out)
{
    return encode(bytes, 5, "abcdefghijklmnopqrstuvwxyz234567", out);
}

int digest_hex(struct slice bytes, struct buf *out)
{
    return encode(bytes, 4, "0123456789abcdef", out);
}

int digest_base64(struct slice bytes, bool padded, struct buf *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz"
                                   "0123456789+/";
    size_t start = out->len;
    if (encode(bytes, 6, alphabet, out) < 0)
        return -1;
    size_t missing = padded ? (3 - bytes.len % 3) % 3 : 0;
    if (buf_add(out, slice_make("==", missing)) == 0)
        return 0;
    buf_truncate(out, start);
    return -1;
}

/* The six bits of a character, or -1. */
static int base64_value(char c, bool url_safe)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (url_safe ? '-' : '+'))
        return 62;
    return c == (url_safe ? '_' : '/') ? 63 : -1;
}

/* Takes the padding off; false when it is neither absent nor exact. */
static bool base64_unpad(struct slice *text)
{
    size_t padding = 0;
    while (padding < 2 && padding < text->len &&
           text->ptr[text->len - 1 - padding] == '=')
        padding++;
    if (padding > 0 && text->len % 4 != 0)
        return false;
    text->len -= padding;
    return text->len % 4 != 1;
}

static bool base64_is_url_safe(struct slice text)
{
    return text.len > 0 &&
           (memchr(text.ptr, '-', text.len) || memchr(text.ptr, '_', text.len));
}

int digest_base64_decode(struct slice text, struct buf *out)
{
    if (!base64_unpad(&text))
        return -1;
    bool url_safe = base64_is_url_safe(text);
    size_t len = text.len / 4 * 3 + text.len % 4 * 3 / 4;
    char *to = buf_reserve(out, len);
    if (!to)
        return -1;
    unsigned int bits = 0;
    int held = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = base64_value(text.ptr[i], url_safe);
        if (value < 0)
            goto fail;
        bits = (bits << 6 | (unsigned int)value) & 0xFFFF;
        held += 6;
        if (held >= 8) {
            held -= 8;
            *to++ = (char)(bits >> held & 0xFF);
        }
    }
    /* Bits that stand for no byte: two texts must not mean one value. */
    if (bits & ((1u << held) - 1))
        goto fail;
    buf_added(out, len);
    return 0;
fail:
    buf_added(out, 0);
    return -1;
}

static bool seeded;
static uint64_t seed_state, seed_word;
static int seed_left;

/* splitmix64, a byte at a time: the same bytes however they are asked for. */
static unsigned char seeded_byte(void)
{
    if (seed_left == 0) {
        uint64_t z = seed_state += 0x9E3779B97F4A7C15u;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
        z = (z ^ z >> 27) * 0x94D049BB133111EBu;
        seed_word = z ^ z >> 31;
        seed_left = 8;
    }
    unsigned char byte = (unsigned char)(seed_word & 0xFF);
    seed_word >>= 8;
    seed_left--;
    return byte;
}

void digest_random(void *out, size_t n)
{
    unsigned char *to = out;
    if (seeded) {
        while (n-- > 0)
            *to++ = seeded_byte();
        return;
    }
    while (n > 0) {
        ssize_t got = getrandom(to, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        must(got > 0);
        to += got;
        n -= (size_t)got;
    }
}

void digest_seed(uint64_t seed)
{
    seeded = seed != 0;
    seed_state = seed;
    seed_left = 0;
}

const char *digest_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION_STRING);
}
