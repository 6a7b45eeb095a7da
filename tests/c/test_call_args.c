/* layer: calls */
#include "calls_fixture.h"

#include "call_args.h"

/* Reads one argument "x" with one reader and writes what it got. */
static void (*reader)(struct call_args *args, struct buf *out);

static int read_start(struct op *op, struct slice object, struct slice bytes,
                      struct err *why)
{
    struct call_args args = call_args_of(op, object, why);
    (void)bytes;
    reader(&args, &op->result);
    if (call_args_check(&args))
        return -1;
    op_done(op);
    return 0;
}

static const struct call read_call = { "test.read", CALL_NOW, read_start,
                                       NULL };

static void add(struct buf *out, struct slice text)
{
    if (text.ptr)
        buf_addf(out, "<%.*s>", SLICE_ARG(text));
    else
        buf_adds(out, "absent");
}

#define READER(name, call)                                                     \
    static void name(struct call_args *args, struct buf *out)                  \
    {                                                                          \
        add(out, call);                                                        \
    }
#define NUMBER_READER(name, call)                                              \
    static void name(struct call_args *args, struct buf *out)                  \
    {                                                                          \
        buf_addf(out, "%lld", (long long)(call));                              \
    }
READER(string, call_args_string(args, "x"))
READER(string_opt, call_args_string_opt(args, "x"))
READER(id, call_args_id(args, "x"))
READER(id_opt, call_args_id_opt(args, "x"))
READER(text_opt, S(call_args_text_opt(args, "x")))
READER(value, call_args_value(args, "x"))
READER(object, call_args_object(args, "x"))
READER(object_opt, call_args_object_opt(args, "x"))
READER(strings_opt, call_args_strings_opt(args, "x"))
NUMBER_READER(integer, call_args_int(args, "x", 7, 1, 100))
NUMBER_READER(boolean, call_args_bool(args, "x", true))
NUMBER_READER(seconds, call_args_seconds(args, "x"))
NUMBER_READER(seconds_or, call_args_seconds_or(args, "x", -1))
NUMBER_READER(timeout, call_args_timeout(args))

/* Two strings that hold escapes: the first must stay where it is. */
static void two(struct call_args *args, struct buf *out)
{
    struct slice x = call_args_string(args, "x");
    struct slice y = call_args_string(args, "y");
    add(out, x);
    add(out, y);
}

#define X254 X127 X127
#define X127 X63 X63 "x"
#define X63 X31 X31 "x"
#define X31 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
    void (*reader)(struct call_args *args, struct buf *out);
    const char *args;
    const char *result; /* NULL: a fault, whose text holds fault */
    const char *fault;
} cases[] = {
    { string, "{\"x\":\"a\"}", "<a>", NULL },
    { string, "{\"x\":\"\"}", "<>", NULL },
    { string, "{\"x\":\"1\",\"x\":\"2\"}", "<2>", NULL },
    { string, "{\"\\u0078\":\"\\u0061\\n\"}", "<a\n>", NULL },
    { string, "{}", NULL, "test.read: x must be a string" },
    { string, "{\"x\":null}", NULL, "x must be a string" },
    { string, "{\"x\":3}", NULL, "x must be a string" },
    { string_opt, "{}", "absent", NULL },
    { string_opt, "{\"x\":null}", "absent", NULL },
    { string_opt, "{\"x\":[]}", NULL, "x must be a string" },
    { id, "{\"x\":\"" X254 "x\"}", "<" X254 "x>", NULL },
    { id, "{\"x\":\"" X254 "xx\"}", NULL, "x is longer than 255 bytes" },
    { id, "{\"x\":\"\"}", NULL, "x must not be empty" },
    { id_opt, "{\"x\":\"\"}", NULL, "x must not be empty" },
    { id_opt, "{}", "absent", NULL },
    { text_opt, "{\"x\":\"a\\u0000b\"}", NULL, "NUL" },
    { text_opt, "{\"x\":\"ab\"}", "<ab>", NULL },
    { text_opt, "{}", "absent", NULL },
    { two, "{\"x\":\"\\u0041\\t\",\"y\":\"\\\"\\\"\"}", "<A\t><\"\">", NULL },
    { two, "{\"x\":1,\"y\":2}", NULL, "x must be a string" },
    { value, "{\"x\":null}", "<null>", NULL },
    { value, "{\"x\":[1, 2]}", "<[1, 2]>", NULL },
    { value, "{}", NULL, "x is missing" },
    { object, "{\"x\":{\"a\": 1}}", "<{\"a\": 1}>", NULL },
    { object, "{\"x\":[]}", NULL, "x must be an object" },
    { object, "{}", NULL, "x must be an object" },
    { object_opt, "{}", "absent", NULL },
    { object_opt, "{\"x\":\"{}\"}", NULL, "x must be an object" },
    { strings_opt, "{\"x\":[\"a\"]}", "<[\"a\"]>", NULL },
    { strings_opt, "{\"x\":[]}", "<[]>", NULL },
    { strings_opt, "{\"x\":[\"a\",1]}", NULL, "x must be an array of strings" },
    { strings_opt, "{\"x\":{}}", NULL, "x must be an array of strings" },
    { integer, "{}", "7", NULL },
    { integer, "{\"x\":1}", "1", NULL },
    { integer, "{\"x\":100.0}", "100", NULL },
    { integer, "{\"x\":101}", NULL, "x must be 1 to 100" },
    { integer, "{\"x\":0}", NULL, "x must be 1 to 100" },
    { integer, "{\"x\":1.5}", NULL, "x must be an integer" },
    { integer, "{\"x\":1e300}", NULL, "x must be an integer" },
    { integer, "{\"x\":\"1\"}", NULL, "x must be an integer" },
    { boolean, "{}", "1", NULL },
    { boolean, "{\"x\":false}", "0", NULL },
    { boolean, "{\"x\":0}", NULL, "x must be a boolean" },
    { seconds, "{\"x\":1.5}", "1500", NULL },
    { seconds, "{\"x\":0}", "0", NULL },
    { seconds, "{\"x\":1e300}", "100000000000000", NULL },
    { seconds, "{\"x\":-0.1}", NULL, "x must not be negative" },
    { seconds, "{}", NULL, "x must be a number of seconds" },
    { seconds, "{\"x\":\"5s\"}", NULL, "x must be a number of seconds" },
    { seconds_or, "{}", "-1", NULL },
    { timeout, "{}", "60000", NULL },
    { timeout, "{\"timeout\":0}", "1", NULL },
    { timeout, "{\"timeout\":0.25}", "250", NULL },
    { timeout, "{\"timeout\":true}", NULL, "timeout must be a number" },
};

static void readers_read_and_complain(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(json_check(S(cases[i].args), &err), 0);
        reader = cases[i].reader;
        struct op *op = op_start(&caller, &read_call, NULL, S(cases[i].args),
                                 SLICE_NONE, NULL, NULL, &err);
        const char *got = op ? buf_str(&op->result) : err.text;
        bool good = cases[i].result ? op && strcmp(got, cases[i].result) == 0
                                    : !op && err.kind == ERR_MISUSE &&
                                          strstr(got, cases[i].fault);
        if (!good)
            fail_msg("%s: got %s", cases[i].args, got);
        op_free(op);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(readers_read_and_complain, set_up_bare,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
