/* layer: matrix */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "power.h"

#define MOST ((INT64_C(1) << 53) - 1)

static void levels_in_every_spelling(void **state)
{
    static const struct {
        const char *value;
        int64_t level; /* 7: it is none, so users_default */
    } cases[] = {
        { "50", 50 },
        { "-5", -5 },
        { "0", 0 },
        { "\"50\"", 50 },
        { "\" +100 \"", 100 },
        { "\"\\t-3\\n\"", -3 },
        { "\"007\"", 7 },
        { "49.9", 49 },
        { "-49.9", -49 },
        { "1e2", 100 },
        { "9007199254740993", MOST },
        { "99999999999999999999999", MOST },
        { "-99999999999999999999999", -MOST },
        { "1e300", MOST },
        { "\"99999999999999999999999\"", MOST },
        { "\"\"", 7 },
        { "\" \"", 7 },
        { "\"+\"", 7 },
        { "\"+-1\"", 7 },
        { "\"1 0\"", 7 },
        { "\"1_0\"", 7 },
        { "\"0x10\"", 7 },
        { "\"1.5\"", 7 },
        { "\"ten\"", 7 },
        { "null", 7 },
        { "true", 7 },
        { "[50]", 7 },
        { "{}", 7 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char levels[128];
        struct power power = { .create = slice_str("{}") };
        int64_t got;
        snprintf(levels, sizeof(levels),
                 "{\"users\":{\"@a:b\":%s},\"users_default\":7}",
                 cases[i].value);
        power.levels = slice_str(levels);
        got = power_of_user(&power, slice_str("@a:b"));
        if (got != cases[i].level)
            fail_msg("%s: %lld", cases[i].value, (long long)got);
    }
}

static void users(void **state)
{
    static const struct {
        const char *levels, *create, *user;
        int64_t level;
    } cases[] = {
        { "{\"users\":{\"@a:b\":50}}", NULL, "@a:b", 50 },
        { "{\"users\":{\"@a:b\":50}}", NULL, "@c:d", 0 },
        { "{\"users\":{\"@a:b\":50},\"users_default\":10}", NULL, "@c:d", 10 },
        { "{\"users\":[\"@a:b\"]}", NULL, "@a:b", 0 },
        { "[]", "{}", "@maker:b", 100 },
        /* no power levels: the creator has 100 */
        { NULL, "{\"creator\":\"@x:y\"}", "@x:y", 100 },
        { NULL, "{\"creator\":\"@x:y\"}", "@maker:b", 0 },
        { NULL, "{\"creator\":7}", "@maker:b", 100 },
        { NULL, "{\"room_version\":\"11\",\"creator\":\"@x:y\"}", "@x:y", 0 },
        { NULL, "{\"room_version\":\"11\"}", "@maker:b", 100 },
        { NULL, NULL, "@maker:b", 100 },
        { NULL, NULL, "@other:b", 0 },
        /* version 12: creators stand above every level */
        { "{\"users\":{}}", "{\"room_version\":\"12\"}", "@maker:b",
          POWER_CREATOR },
        { NULL, "{\"room_version\":\"12\"}", "@maker:b", POWER_CREATOR },
        { "{}",
          "{\"room_version\":\"12\",\"additional_creators\":[7,\"@c:d\"]}",
          "@c:d", POWER_CREATOR },
        { "{\"users\":{\"@e:f\":100}}",
          "{\"room_version\":\"12\",\"additional_creators\":{\"x\":\"@e:f\"}}",
          "@e:f", 100 },
        { "{}", "{\"room_version\":\"13\"}", "@maker:b", POWER_CREATOR },
        { "{}", "{\"room_version\":\"11\",\"additional_creators\":[\"@c:d\"]}",
          "@c:d", 0 },
        { "{}", "{\"room_version\":\"org.example.12\"}", "@maker:b", 0 },
        { "{}", "{\"room_version\":12}", "@maker:b", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct power power = { slice_str(cases[i].levels),
                               slice_str(cases[i].create),
                               slice_str("@maker:b") };
        int64_t got = power_of_user(&power, slice_str(cases[i].user));
        if (got != cases[i].level)
            fail_msg("case %zu: %lld", i, (long long)got);
    }
}

static void required(void **state)
{
    static const char full[] =
        "{\"ban\":1,\"kick\":2,\"redact\":\"3\",\"invite\":4,"
        "\"events_default\":5,\"state_default\":6,"
        "\"events\":{\"m.room.name\":7,\"m.x\":null,\"ban\":9}}";
    static const struct {
        const char *levels, *action;
        int state;
        int64_t level;
    } cases[] = {
        { full, "ban", 0, 1 },
        { full, "kick", 0, 2 },
        { full, "redact", 0, 3 },
        { full, "invite", 0, 4 },
        { full, "events_default", 0, 5 },
        { full, "state_default", 0, 6 },
        { full, "m.room.message", 0, 5 },
        { full, "m.room.topic", 1, 6 },
        { full, "m.room.name", 1, 7 },
        { full, "m.room.name", 0, 7 },
        { full, "m.x", 0, 5 },
        { "{}", "ban", 0, 50 },
        { "{}", "kick", 0, 50 },
        { "{}", "redact", 0, 50 },
        { "{}", "invite", 0, 0 },
        { "{}", "events_default", 0, 0 },
        { "{}", "state_default", 0, 50 },
        { "{}", "m.room.message", 0, 0 },
        { "{}", "m.room.topic", 1, 50 },
        { "{\"ban\":\"x\",\"events\":7}", "ban", 0, 50 },
        { "{\"ban\":\"x\",\"events\":7}", "m.room.message", 0, 0 },
        /* a room without power levels */
        { NULL, "ban", 0, 50 },
        { NULL, "invite", 0, 0 },
        { NULL, "m.room.message", 0, 0 },
        { NULL, "m.room.topic", 1, 0 },
        { NULL, "state_default", 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct power power = { .levels = slice_str(cases[i].levels) };
        int64_t got =
            power_required(&power, slice_str(cases[i].action), cases[i].state);
        if (got != cases[i].level)
            fail_msg("case %zu, %s: %lld", i, cases[i].action, (long long)got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_in_every_spelling),
        cmocka_unit_test(users),
        cmocka_unit_test(required),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
