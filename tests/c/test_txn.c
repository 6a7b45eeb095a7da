/* layer: delivery */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "digest.h"
#include "txn.h"

#define S(text) slice_str(text)

static const struct txn_cause base = {
    .user_id = "@a:b",
    .device_id = "DEV",
    .script = "echo",
    .cause = { "$e", 2 },
    .path = { "1", 1 },
    .ordinal = 1,
};

static void make(const struct txn_cause *cause, const char *room,
                 const char *type, char out[TXN_LENGTH + 1])
{
    struct buf buf;

    buf_init(&buf, 256);
    assert_int_equal(buf_adds(&buf, "x"), 0); /* appends, cuts only its own */
    assert_int_equal(txn_make(cause, S(room), S(type), &buf), 0);
    assert_int_equal(buf.len, TXN_LENGTH + 1);
    memcpy(out, buf.ptr + 1, TXN_LENGTH + 1);
    buf_free(&buf);
}

static void same_cause_same_id(void **state)
{
    char a[TXN_LENGTH + 1], b[TXN_LENGTH + 1];

    (void)state;
    make(&base, "!r", "m.room.message", a);
    make(&base, "!r", "m.room.message", b);
    assert_string_equal(a, b);
    /* Ids must not change between releases: a restart repeats them. */
    assert_string_equal(a, "mkqorwiqzhdhm3hjm2g3q4c5ckxu5xbq");
}

/* Whatever is different, moved between parts included, gives another id. */
static void every_part_counts(void **state)
{
    struct txn_cause causes[] = { base, base, base, base, base,
                                  base, base, base, base };
    char ids[12][TXN_LENGTH + 1];
    size_t count = sizeof(causes) / sizeof(*causes);

    (void)state;
    causes[1].user_id = "@a:c";
    causes[2].device_id = "DEV2";
    causes[3].script = "ech";
    causes[4].cause = S("$f");
    causes[5].path = S("1.1");
    causes[6].ordinal = 2;
    causes[7].user_id = "@a:bDEV", causes[7].device_id = "";
    causes[8].cause = S("$e1"), causes[8].path = S("");
    for (size_t i = 0; i < count; i++)
        make(&causes[i], "!r", "m.room.message", ids[i]);
    make(&base, "!q", "m.room.message", ids[count++]);
    make(&base, "!r", "m.reaction", ids[count++]);
    make(&base, "!rm", ".room.message", ids[count++]);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
}

static void random_ids_differ_and_can_be_seeded(void **state)
{
    struct buf a, b;

    (void)state;
    buf_init(&a, TXN_LENGTH);
    buf_init(&b, TXN_LENGTH);
    digest_seed(7);
    assert_int_equal(txn_random(&a), 0);
    assert_int_equal(txn_random(&b), 0);
    assert_int_equal(a.len, TXN_LENGTH);
    assert_string_not_equal(buf_str(&a), buf_str(&b));
    digest_seed(7);
    buf_clear(&b);
    assert_int_equal(txn_random(&b), 0);
    assert_string_equal(buf_str(&a), buf_str(&b));
    digest_seed(0);
    buf_free(&a);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_cause_same_id),
        cmocka_unit_test(every_part_counts),
        cmocka_unit_test(random_ids_differ_and_can_be_seeded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
