/* layer: script */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "json_read.h"
#include "registration.h"

#define S(text) slice_str(text)
#define ME "@bot:hs.test"

static struct err err;

struct seen { /* an event as sync tells it */
    const char *section, *json;
    bool history;
};

static bool matches(const struct registration *r, const struct seen *seen)
{
    struct event event;
    assert_int_equal(json_check(S(seen->json), &err), 0);
    assert_int_equal(event_parse(S(seen->json), &event), 0);
    struct sync_occasion occasion = {
        .section = seen->section,
        .room_id = S("!room:hs.test"),
        .event = &event,
        .own = slice_is(event.sender, ME),
        .history = seen->history,
    };
    bool result = registration_matches(r, &occasion, ME);
    event_free(&event);
    return result;
}

static struct registration *make(const char *name, const char *filter)
{
    struct registration *r =
        registration_event(1, S(name), S(filter), "a.lua:1", &err);
    if (!r)
        fail_msg("%s %s: %s", name, filter ? filter : "", err.text);
    return r;
}

#define MESSAGE(sender, content)                                               \
    "{\"type\":\"m.room.message\",\"event_id\":\"$a\",\"sender\":\"" sender    \
    "\",\"content\":" content "}"
#define MEMBER(sender, who, now, before)                                       \
    "{\"type\":\"m.room.member\",\"sender\":\"" sender                         \
    "\",\"state_key\":\"" who "\",\"content\":{\"membership\":\"" now          \
    "\"},\"unsigned\":{\"prev_content\":{\"membership\":\"" before "\"}}}"
#define TEXT "{\"msgtype\":\"m.text\",\"body\":\"hi\"}"
#define ANN "@ann:hs.test"

static const struct seen text = { "timeline", MESSAGE(ANN, TEXT), false };
static const struct seen own = { "timeline", MESSAGE(ME, TEXT), false };
static const struct seen old = { "timeline", MESSAGE(ANN, TEXT), true };
static const struct seen notice = { "timeline",
                                    MESSAGE(ANN, "{\"msgtype\":\"m.notice\"}"),
                                    false };
static const struct seen edit = {
    "timeline",
    MESSAGE(ANN, "{\"msgtype\":\"m.text\",\"m.relates_to\":"
                 "{\"rel_type\":\"m.replace\",\"event_id\":\"$b\"}}"),
    false
};
static const struct seen threaded = {
    "timeline",
    MESSAGE(ANN, "{\"msgtype\":\"m.text\",\"m.relates_to\":"
                 "{\"rel_type\":\"m.thread\",\"event_id\":\"$t\\u0031\"}}"),
    false
};
static const struct seen state = { "state", MESSAGE(ANN, TEXT), false };
static const struct seen join = { "timeline",
                                  MEMBER(ANN, ANN, "join", "invite"), false };
static const struct seen profile = { "timeline",
                                     MEMBER(ANN, ANN, "join", "join"), false };
static const struct seen first_join = {
    "timeline",
    "{\"type\":\"m.room.member\",\"sender\":\"" ANN "\",\"state_key\":\"" ANN
    "\",\"content\":{\"membership\":\"join\"}}",
    false
};
static const struct seen leave = { "timeline",
                                   MEMBER(ANN, ANN, "leave", "join"), false };
static const struct seen kick = { "timeline",
                                  MEMBER("@mod:hs.test", ANN, "leave", "join"),
                                  false };
static const struct seen unban = { "timeline",
                                   MEMBER("@mod:hs.test", ANN, "leave", "ban"),
                                   false };
static const struct seen ban = { "timeline",
                                 MEMBER("@mod:hs.test", ANN, "ban", "join"),
                                 false };
static const struct seen kicked_me = {
    "timeline", MEMBER("@mod:hs.test", ME, "leave", "join"), false
};
static const struct seen invited_me = { "invite",
                                        MEMBER(ANN, ME, "invite", "leave"),
                                        false };
static const struct seen inviter = { "invite", MEMBER(ANN, ANN, "join", ""),
                                     false };
static const struct seen invited_other = {
    "timeline", MEMBER("@mod:hs.test", ANN, "invite", "leave"), false
};
static const struct seen knock = { "timeline",
                                   MEMBER(ANN, ANN, "knock", "leave"), false };
static const struct seen reaction = {
    "timeline",
    "{\"type\":\"m.reaction\",\"sender\":\"" ANN "\",\"content\":{}}", false
};
static const struct seen redaction = {
    "timeline",
    "{\"type\":\"m.room.redaction\",\"sender\":\"" ANN "\",\"content\":{}}",
    false
};
static const struct seen typing = { "ephemeral",
                                    "{\"type\":\"m.typing\",\"content\":{}}",
                                    false };
static const struct seen nonsense = { "timeline",
                                      "{\"type\":\"m.room.message\",\"sender\":"
                                      "7,\"content\":[],\"state_key\":{}}",
                                      false };

static void names_and_filters(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *filter;
        const struct seen *yes[4], *no[8];
    } rows[] = {
        { "message",
          NULL,
          { &text, &threaded, &nonsense },
          { &own, &old, &notice, &edit, &state, &join } },
        { "edit", NULL, { &edit }, { &text, &notice } },
        { "reaction", NULL, { &reaction }, { &text } },
        { "redaction", NULL, { &redaction }, { &reaction } },
        { "join",
          NULL,
          { &join, &first_join },
          { &profile, &leave, &inviter, &kick } },
        { "leave", NULL, { &leave }, { &kick, &unban, &ban, &join } },
        { "kick", NULL, { &kick, &kicked_me }, { &leave, &unban, &ban } },
        { "ban", NULL, { &ban }, { &kick, &unban } },
        { "invite",
          NULL,
          { &invited_me, &invited_other },
          { &inviter, &join } },
        { "knock", NULL, { &knock }, { &join } },
        { "m.room.message",
          NULL,
          { &text, &own, &notice, &edit },
          { &old, &join } },
        { "m.room.message", "{\"history\":true}", { &old, &text }, { &join } },
        { "m.typing", NULL, { &typing }, { &text } },
        { "message", "{\"room\":\"!room:hs.test\"}", { &text }, { &own } },
        { "message", "{\"room\":[\"!x:y\",\"!z:y\"]}", { NULL }, { &text } },
        { "message",
          "{\"sender\":[\"@x:y\",\"@ann:hs.test\"]}",
          { &text },
          { &own, &nonsense } },
        { "message", "{\"sender\":\"@x:y\"}", { NULL }, { &text } },
        { "message",
          "{\"msgtype\":\"m.te\\u0078t\"}",
          { &text },
          { &nonsense } },
        { "message", "{\"thread\":true}", { &threaded }, { &text } },
        { "message", "{\"thread\":false}", { &text }, { &threaded } },
        { "message", "{\"thread\":\"$t1\"}", { &threaded }, { &text } },
        { "message", "{\"thread\":[false,\"$t2\"]}", { &text }, { &threaded } },
        { "kick", "{\"is_me\":true}", { &kicked_me }, { &kick } },
        { "invite", "{\"is_me\":false}", { &invited_other }, { &invited_me } },
        { "message", "{\"pattern\":\"nothing like it\"}", { &text }, { &own } },
        { "message", "[]", { &text }, { &own } },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct registration *r = make(rows[i].name, rows[i].filter);
        for (int j = 0; j < 4 && rows[i].yes[j]; j++)
            if (!matches(r, rows[i].yes[j]))
                fail_msg("row %zu misses %s", i, rows[i].yes[j]->json);
        for (int j = 0; j < 8 && rows[i].no[j]; j++)
            if (matches(r, rows[i].no[j]))
                fail_msg("row %zu takes %s", i, rows[i].no[j]->json);
        r->off = true;
        assert_false(rows[i].yes[0] && matches(r, rows[i].yes[0]));
        registration_free(r);
    }
}

static void refusals_say_what_was_meant(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *filter, *text;
    } rows[] = {
        { "mesage", NULL, "unknown event 'mesage', did you mean 'message'?" },
        { "somethingelse", NULL, "unknown event 'somethingelse'" },
        { "message", "{\"sendr\":\"x\"}", "did you mean 'sender'?" },
        { "message", "{\"thread\":7}", "'thread' must be" },
        { "message", "{\"room\":\"#a:b\"}", "'room' must be a room id" },
        { "message", "{\"room\":[\"!a:b\",1]}", "'room' must be" },
        { "message", "{\"is_me\":\"yes\"}", "'is_me' must be true" },
        { "message", "{\"history\":true}", "exact types" },
        { "message", "\"text\"", "table of named fields" },
        { "load", "{\"room\":\"!a:b\"}", "takes no filter" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct registration *r = registration_event(
            1, S(rows[i].name), S(rows[i].filter), "a.lua:1", &err);
        assert_null(r);
        assert_int_equal(err.kind, ERR_MISUSE);
        if (!strstr(err.text, rows[i].text))
            fail_msg("%s: %s", rows[i].text, err.text);
    }
}

static void commands(void **unused)
{
    (void)unused;
    struct registration *roll = registration_command(
        1,
        S("{\"id\":1,\"name\":\"roll\",\"aliases\":[\"r\",\"dice\"],"
          "\"usage\":\"roll [n]\",\"where\":\"x\"}"),
        "a.lua:1", &err);
    struct registration *dice = registration_command(
        2, S("{\"id\":2,\"name\":\"dice\",\"usage\":\"dice\"}"), "b.lua:1",
        &err);
    assert_non_null(roll);
    assert_non_null(dice);
    assert_true(matches(roll, &text));
    assert_false(matches(roll, &own));
    assert_true(registration_answers(roll, S("r")));
    assert_false(registration_answers(roll, S("ro")));
    assert_true(slice_is(registration_clash(roll, dice), "\"dice\""));
    assert_true(slice_is(registration_clash(dice, roll), "\"dice\""));
    dice->off = false;
    assert_string_equal(buf_str(&dice->command),
                        "{\"name\":\"dice\",\"usage\":\"dice\"}");
    registration_free(dice);
    registration_free(roll);
    assert_null(
        registration_command(1, S("{\"name\":\"two words\"}"), "x", &err));
    assert_null(registration_command(
        1, S("{\"name\":\"a\",\"aliases\":[\"b\",7]}"), "x", &err));
}

static void note(void *arg, const char *section, struct slice type)
{
    char *out = arg;
    sprintf(out + strlen(out), "%s %.*s;", section, SLICE_ARG(type));
}

static void types(void **unused)
{
    (void)unused;
    char out[600] = "";
    struct registration *r = make("invite", NULL);
    registration_types(r, note, out);
    assert_string_equal(out, "timeline m.room.member;invite m.room.member;");
    registration_free(r);
    r = make("m.tag", NULL);
    out[0] = '\0';
    registration_types(r, note, out);
    assert_non_null(strstr(out, "timeline m.tag;"));
    assert_non_null(strstr(out, "room_account_data m.tag;"));
    registration_free(r);
    r = make("load", NULL);
    out[0] = '\0';
    registration_types(r, note, out);
    assert_string_equal(out, "");
    assert_int_equal(r->kind, REGISTRATION_HOOK);
    registration_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_filters),
        cmocka_unit_test(refusals_say_what_was_meant),
        cmocka_unit_test(commands),
        cmocka_unit_test(types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
