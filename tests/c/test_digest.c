/* layer: base */
#include "digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void assert_hex(const unsigned char hash[SHA256_SIZE], const char *hex)
{
    struct buf out;
    buf_init(&out, 64);
    digest_hex(slice_make((const char *)hash, SHA256_SIZE), &out);
    assert_string_equal(buf_str(&out), hex);
    buf_free(&out);
}

/* FIPS 180-2 and the empty message. */
static void sha256_in_one_piece_and_in_many(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb924"
              "27ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223"
                 "b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039"
          "a33ce45964ff2167f6ecedd419db06c1" },
    };
    unsigned char hash[SHA256_SIZE];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        digest_sha256(slice_str(rows[i][0]), hash);
        assert_hex(hash, rows[i][1]);
        struct digest *digest = digest_new();
        assert_non_null(digest);
        digest_add(digest, SLICE_NONE);
        for (const char *p = rows[i][0]; *p; p++)
            digest_add(digest, slice_make(p, 1));
        digest_finish(digest, hash);
        assert_hex(hash, rows[i][1]);
    }
}

/* RFC 4231, cases 2 and 6 (a key longer than a block), and nothing at all. */
static void hmac_sha256(void **state)
{
    (void)state;
    unsigned char out[SHA256_SIZE];
    char key[131];
    memset(key, 0xAA, sizeof key);
    digest_hmac(slice_str("Jefe"), slice_str("what do ya want for nothing?"),
                out);
    assert_hex(out, "5bdcc146bf60754e6a042426089575c7"
                    "5a003f089d2739839dec58b964ec3843");
    digest_hmac(slice_make(key, sizeof key),
                slice_str("Test Using Larger Than Block-Size Key - "
                          "Hash Key First"),
                out);
    assert_hex(out, "60e431591ee0b67f0d8a26aacbf5b77f"
                    "8e0bc6213728c5140546040f0ee37f54");
    digest_hmac(SLICE_NONE, SLICE_NONE, out);
    assert_hex(out, "b613679a0814d9ec772f95d778c35fc5"
                    "ff1697c493715653c6c712144292c5ad");
}

static void equal_compares_length_and_bytes(void **state)
{
    (void)state;
    assert_true(digest_equal(slice_str("abc"), slice_str("abc")));
    assert_true(digest_equal(SLICE_NONE, slice_str("")));
    assert_false(digest_equal(slice_str("abc"), slice_str("abd")));
    assert_false(digest_equal(slice_str("abc"), slice_str("ab")));
}

/* RFC 4648, section 10. */
static void encodings_round_trip(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *base32, *base64;
    } rows[] = {
        { "", "", "" },
        { "f", "my", "Zg==" },
        { "fo", "mzxq", "Zm8=" },
        { "foo", "mzxw6", "Zm9v" },
        { "foob", "mzxw6yq", "Zm9vYg==" },
        { "fooba", "mzxw6ytb", "Zm9vYmE=" },
        { "foobar", "mzxw6ytboi", "Zm9vYmFy" },
        { "\xFB\xFF\xFE", "7p774", "+//+" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out;
        buf_init(&out, 64);
        assert_int_equal(digest_base32(slice_str(rows[i].bytes), &out), 0);
        assert_string_equal(buf_str(&out), rows[i].base32);
        buf_clear(&out);
        digest_base64(slice_str(rows[i].bytes), true, &out);
        assert_string_equal(buf_str(&out), rows[i].base64);
        buf_clear(&out);
        assert_int_equal(digest_base64_decode(slice_str(rows[i].base64), &out),
                         0);
        assert_string_equal(buf_str(&out), rows[i].bytes);
        buf_clear(&out);
        digest_base64(slice_str(rows[i].bytes), false, &out);
        assert_int_equal(out.len, strcspn(rows[i].base64, "="));
        struct buf back;
        buf_init(&back, 64);
        assert_int_equal(digest_base64_decode(buf_slice(&out), &back), 0);
        assert_string_equal(buf_str(&back), rows[i].bytes);
        buf_free(&back);
        buf_free(&out);
    }
}

static void base64_refuses_all_that_is_sloppy(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Z",
        "Zm9vY",
        "Zg=",
        "Zg===",
        "=",
        "====",
        "Zm9v=",
        "Zm9v====",
        "Zg==Zg",
        "Zg\n",
        " Zg==",
        "Zm9 v",
        "Zh==",
        "Zh",
        "Zm9=",
        "Z,9v",
        "+-AA",
        "_/AA",
        "Zm=v",
        "\xC3\xA4"
        "AA",
    };
    struct buf out;
    buf_init(&out, 64);
    buf_adds(&out, "kept");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(digest_base64_decode(slice_str(bad[i]), &out), -1);
        assert_string_equal(buf_str(&out), "kept");
        assert_false(out.failed);
    }
    assert_int_equal(digest_base64_decode(slice_str("-__-"), &out), 0);
    assert_string_equal(buf_str(&out), "kept\xFB\xFF\xFE");
    buf_free(&out);
}

static void output_over_its_maximum_leaves_nothing(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 7);
    assert_int_equal(digest_base64(slice_str("foob"), true, &out), -1);
    assert_string_equal(buf_str(&out), "");
    buf_clear(&out);
    assert_int_equal(digest_hex(slice_str("foob"), &out), -1);
    buf_free(&out);
}

static void random_is_repeatable_only_when_seeded(void **state)
{
    (void)state;
    unsigned char a[37], b[37];
    digest_seed(42);
    digest_random(a, sizeof a);
    digest_seed(42);
    for (size_t i = 0; i < sizeof b; i++)
        digest_random(&b[i], 1);
    assert_memory_equal(a, b, sizeof a);
    digest_random(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    digest_seed(0);
    digest_random(a, sizeof a);
    digest_random(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    digest_random(a, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_in_one_piece_and_in_many),
        cmocka_unit_test(hmac_sha256),
        cmocka_unit_test(equal_compares_length_and_bytes),
        cmocka_unit_test(encodings_round_trip),
        cmocka_unit_test(base64_refuses_all_that_is_sloppy),
        cmocka_unit_test(output_over_its_maximum_leaves_nothing),
        cmocka_unit_test(random_is_repeatable_only_when_seeded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
