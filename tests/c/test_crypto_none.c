/* layer: crypto */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto.h"
#include "limits.h"

static void nothing_goes_out_in_clear(void **state)
{
    struct crypto *crypto = crypto_new(NULL, NULL);
    struct buf type, out;
    struct err err;

    (void)state;
    buf_init(&type, LIMIT_IDENTIFIER);
    buf_init(&out, LIMIT_EVENT_SEND);
    assert_non_null(crypto);
    assert_int_equal(
        crypto_encrypt(crypto, slice_str("!a:b"), slice_str("m.room.message"),
                       slice_str("{\"body\":\"secret\"}"), &type, &out, &err),
        -1);
    assert_int_equal(err.kind, ERR_UNSUPPORTED);
    assert_string_equal(err.text,
                        "room !a:b is encrypted; encryption is not built yet, "
                        "so nothing is sent");
    assert_int_equal(type.len + out.len, 0);
    assert_int_equal(crypto_receive(crypto, slice_str("{}"), &err), 0);
    assert_int_equal(
        crypto_decrypt(crypto, slice_str("!a:b"), slice_str("{}"), &out, &err),
        CRYPTO_BAD);
    assert_int_equal(err.kind, ERR_UNSUPPORTED);
    assert_int_equal(out.len, 0);
    crypto_free(crypto);
    crypto_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_goes_out_in_clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
