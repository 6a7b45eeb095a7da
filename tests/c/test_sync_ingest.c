/* layer: sync */
#include "sync_fixture.h"

static void one_response_is_one_commit(void **state)
{
    (void)state;
    want("echo", "timeline", "m.room.message");
    want("other", "timeline", "m.room.message");
    want("other", "to_device", "org.example.ping");
    const char *json = quoted(
        "{'rooms':{'join':{'!a':{"
        "'timeline':{'events':[%s,%s,{'type':'org.example.unwanted',"
        "'event_id':'$3','sender':'@ann:hs','content':{}}]},"
        "'state':{'events':[{'type':'m.room.name','state_key':'',"
        "'event_id':'$n','sender':'@ann:hs','content':{'name':'A'}}]},"
        "'summary':{'m.heroes':['@ann:hs'],'m.joined_member_count':2}}}},"
        "'to_device':{'events':[{'type':'org.example.ping','sender':'@ann:hs',"
        "'content':{}}]},'next_batch':'s1',"
        "'account_data':{'events':[{'type':'m.direct',"
        "'content':{'@ann:hs':['!a','!b']}}]}}",
        msg("$1", 0), msg("$2", 0));
    struct sync_ingest_result result = ingest(json);
    assert_int_equal(result.events, 3);
    assert_int_equal(result.deliveries, 5);
    assert_string_equal(delivered("echo"), "timeline !a m.room.message $1|"
                                           "timeline !a m.room.message $2|");
    assert_string_equal(delivered("other"), "to_device  org.example.ping |"
                                            "timeline !a m.room.message $1|"
                                            "timeline !a m.room.message $2|");
    assert_string_equal(state_of("!a", "m.room.name", ""), "{\"name\":\"A\"}");
    assert_string_equal(membership_of("!a"), "join");
    assert_string_equal(membership_of("!b"), "");
    assert_string_equal(meta("next_batch"), "s1");
    struct store_room room;
    assert_int_equal(store_room_get(store, S("!a"), &room, &err), 1);
    assert_true(room.direct);
    assert_int_equal(room.joined_count, 2);
    assert_slice(room.heroes, "[\"@ann:hs\"]");
}

static bool is_direct(const char *room_id)
{
    struct store_room room;
    assert_int_equal(store_room_get(store, S(room_id), &room, &err), 1);
    return room.direct;
}

/* Nobody writes m.direct for a bot. */
static void an_invite_says_whether_it_is_direct(void **state)
{
    (void)state;
#define BOT_MEMBER(membership, more)                                           \
    "{'type':'m.room.member','state_key':'" ME "','sender':'@ann:hs',"         \
    "'content':{'membership':'" membership "'" more "}}"
#define INVITE(more)                                                           \
    "{'invite_state':{'events':[" BOT_MEMBER("invite", more) "]}}"
#define JOIN "{'state':{'events':[" BOT_MEMBER("join", "") "]}}"
    ingest(rooms("s1", "invite", "!a", INVITE(",'is_direct':true")));
    ingest(rooms("s2", "invite", "!b", INVITE(",'is_direct':'yes'")));
    ingest(rooms("s3", "join", "!a", JOIN));
    assert_true(is_direct("!a"));
    assert_false(is_direct("!b"));
    ingest(quoted("{'next_batch':'s4','account_data':{'events':[{'type':"
                  "'m.direct','content':{'@ann:hs':['!b']}}]}}"));
    assert_true(is_direct("!a") && is_direct("!b"));
    ingest(rooms("s5", "invite", "!a", INVITE("")));
    ingest(quoted("{'next_batch':'s6','account_data':{'events':[{'type':"
                  "'m.direct','content':{}}]}}"));
    assert_false(is_direct("!a") || is_direct("!b"));
#undef BOT_MEMBER
#undef INVITE
#undef JOIN
}

static void the_size_of_pieces_does_not_matter(void **state)
{
    (void)state;
    want("echo", "timeline", "m.room.message");
    char copy[8192];
    snprintf(copy, sizeof(copy), "%s",
             rooms("s1", "join", "!a", timeline(msg("$1", 0))));
    for (size_t piece = 1; piece < 40; piece += 3)
        assert_true(ingest_as(copy, piece, false).ok);
    assert_string_equal(delivered("echo"), "timeline !a m.room.message $1|");
}

static void a_repeated_event_is_delivered_once(void **state)
{
    (void)state;
    want("echo", "timeline", "m.room.message");
    char copy[8192];
    snprintf(copy, sizeof(copy), "%s",
             rooms("s1", "join", "!a",
                   timeline(quoted("%s,%s", msg("$1", 0), msg("$1", 0)))));
    ingest(copy);
    ingest(copy);
    ingest(rooms("s0", "join", "!a", timeline(msg("$1", 0))));
    ingest(rooms("s2", "join", "!b", timeline(msg("$1", 0))));
    assert_string_equal(delivered("echo"), "timeline !a m.room.message $1|"
                                           "timeline !b m.room.message $1|");
}

static void a_failed_commit_moves_nothing(void **state)
{
    (void)state;
    want("echo", "timeline", "m.room.message");
    ingest(rooms("s1", "join", "!a", timeline(msg("$1", 0))));
    break_disk(true);
    struct ingested in =
        ingest_as(rooms("s2", "join", "!b", timeline(msg("$2", 0))), 0, false);
    assert_false(in.ok);
    assert_int_equal(in.err.kind, ERR_STORE);
    break_disk(false);
    assert_string_equal(meta("next_batch"), "s1");
    assert_string_equal(membership_of("!b"), "none");
    assert_string_equal(delivered("echo"), "timeline !a m.room.message $1|");
    /* The next one goes through, and the gate is open. */
    ingest(rooms("s2", "join", "!b", timeline(msg("$2", 0))));
    assert_string_equal(meta("next_batch"), "s2");
}

static void old_events_are_history_when_catching_up(void **state)
{
    (void)state;
    want("safe", "timeline", "m.room.message");
    want("all", "timeline", "m.room.message");
    wants[1].history = true;
    const char *old = msg("$old", LIMIT_CATCH_UP_MS + 1000);
    const char *fresh = msg("$new", LIMIT_CATCH_UP_MS - 1000);
    assert_true(ingest_as(rooms("s1", "join", "!a",
                                timeline(quoted("%s,%s", old, fresh))),
                          0, true)
                    .ok);
    assert_string_equal(delivered("safe"), "timeline !a m.room.message $new|");
    assert_string_equal(delivered("all"),
                        "timeline !a m.room.message $old history|"
                        "timeline !a m.room.message $new|");
    /* Live, age does not matter. */
    ingest(rooms("s2", "join", "!a", timeline(msg("$late", 3600 * 1000))));
    assert_contains(delivered("safe"), "$late|");
}

static void what_is_before_our_join_is_history(void **state)
{
    (void)state;
    want("all", "timeline", "m.room.message");
    wants[0].history = true;
    char events[4096];
    snprintf(events, sizeof(events), "%s,%s,%s,%s", msg("$1", 0), msg("$2", 0),
             member("$join", ME, ME, "join"), msg("$3", 0));
    ingest(rooms("s1", "join", "!a", timeline(events)));
    assert_string_equal(delivered("all"),
                        "timeline !a m.room.message $1 history|"
                        "timeline !a m.room.message $2 history|"
                        "timeline !a m.room.message $3|");
    /* A new name of ours, in a room we are in, is no join. */
    snprintf(events, sizeof(events), "%s,%s", msg("$4", 0),
             quoted("{'type':'m.room.member','event_id':'$name',"
                    "'sender':'" ME "','state_key':'" ME "',"
                    "'content':{'membership':'join','displayname':'x'},"
                    "'unsigned':{'prev_content':{'membership':'join'}}}"));
    ingest(rooms("s2", "join", "!a", timeline(events)));
    assert_contains(delivered("all"), "$4|");
    struct store_room room;
    assert_int_equal(store_room_get(store, S("!a"), &room, &err), 1);
    assert_int_equal(room.joined_ts, loop_wall(loop));
}

static void state_after_is_the_only_source_when_it_is_there(void **state)
{
#define NAME(text)                                                             \
    "{'type':'m.room.name','state_key':'','event_id':'$" text                  \
    "','sender':'@ann:hs','content':{'name':'" text "'}}"
    (void)state;
    want("echo", "timeline", "m.room.name");
    /* state, then the timeline's */
    ingest(rooms("s1", "join", "!a",
                 quoted("{'timeline':{'events':[" NAME("2") "," NAME(
                     "3") "]},"
                          "'state':{'events':[" NAME("1") "]}}")));
    assert_string_equal(state_of("!a", "m.room.name", ""), "{\"name\":\"3\"}");
    ingest(rooms("s2", "join", "!a",
                 quoted("{'timeline':{'events':[" NAME(
                     "4") "]},"
                          "'state_after':{'events':[" NAME("5") "]}}")));
    assert_string_equal(state_of("!a", "m.room.name", ""), "{\"name\":\"5\"}");
    ingest(
        rooms("s3", "join", "!a",
              quoted("{'state_after':{'events':[]},'timeline':{'events':[" NAME(
                  "6") "]},'state':{'events':[" NAME("7") "]}}")));
    assert_string_equal(state_of("!a", "m.room.name", ""), "{\"name\":\"5\"}");
    assert_contains(delivered("echo"), "$6|"); /* delivered all the same */
    assert_null(strstr(delivered("echo"), "$1|"));
}

static void encryption_is_a_latch_from_wherever_it_comes(void **state)
{
#define CRYPT(key, content)                                                    \
    "{'type':'m.room.encryption','state_key':'" key "','event_id':'$c',"       \
    "'sender':'@ann:hs','content':" content "}"
    const struct {
        const char *section, *body;
        bool encrypted;
    } cases[] = {
        { "join", "{'state':{'events':[" CRYPT("", "{'algorithm':'m'}") "]}}",
          true },
        { "join", "{'timeline':{'events':[" CRYPT("", "{}") "]}}", true },
        { "join", "{'state_after':{'events':[" CRYPT("", "{}") "]}}", true },
        { "join",
          "{'state_after':{'events':[]},'timeline':{'events':[" CRYPT(
              "", "{}") "]}}",
          true },
        { "join", "{'timeline':{'events':[" CRYPT("", "null") "]}}", true },
        { "invite", "{'invite_state':{'events':[" CRYPT("", "{}") "]}}", true },
        { "join", "{'state':{'events':[" CRYPT("x", "{}") "]}}", false },
        { "join", "{'state':{'events':[]}}", false },
    };
    char room_id[16], next[16];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        snprintf(room_id, sizeof(room_id), "!%zu", i);
        snprintf(next, sizeof(next), "s%zu", i);
        ingest(rooms(next, cases[i].section, room_id, cases[i].body));
        assert_int_equal(is_encrypted(room_id), cases[i].encrypted);
    }
    /* Another content, and a new join, do not open it. */
    ingest(rooms("t1", "join", "!0",
                 "{'timeline':{'events':[" CRYPT("", "{}") "]}}"));
    ingest(rooms("t2", "leave", "!0", "{}"));
    ingest(rooms("t3", "join", "!0", "{}"));
    assert_true(is_encrypted("!0"));
}

static void an_invite_is_told_once(void **state)
{
    (void)state;
    want("greet", "invite", "m.room.member");
#define INVITED(by)                                                            \
    "{'invite_state':{'events':[{'type':'m.room.name','state_key':'',"         \
    "'sender':'" by "','content':{'name':'N'}},{'type':'m.room.member',"       \
    "'state_key':'" ME "','sender':'" by                                       \
    "','content':{'membership':'invite'}},{'type':'m.room.member',"            \
    "'state_key':'" by "','sender':'" by                                       \
    "','content':{'membership':'join'}}]}}"
    ingest(rooms("s1", "invite", "!a", INVITED("@ann:hs")));
    assert_string_equal(membership_of("!a"), "invite");
    assert_string_equal(state_of("!a", "m.room.name", ""), "{\"name\":\"N\"}");
    assert_string_equal(delivered("greet"), "invite !a m.room.member |");
    ingest(rooms("s2", "invite", "!a", INVITED("@ann:hs")));
    assert_string_equal(delivered("greet"), "invite !a m.room.member |");
    ingest(rooms("s3", "invite", "!a", INVITED("@bob:hs")));
    assert_string_equal(delivered("greet"), "invite !a m.room.member |"
                                            "invite !a m.room.member |");
    ingest(rooms("s4", "leave", "!a", "{}"));
    assert_string_equal(membership_of("!a"), "leave");
    ingest(rooms("s5", "invite", "!a", INVITED("@bob:hs")));
    assert_string_equal(delivered("greet"), "invite !a m.room.member |"
                                            "invite !a m.room.member |"
                                            "invite !a m.room.member |");
}

static void leaving_is_told_from_being_kicked_and_banned(void **state)
{
    (void)state;
    want("watch", "timeline", "m.room.member");
    ingest(rooms("s1", "join", "!a", "{}"));
    ingest(rooms("s2", "leave", "!a",
                 timeline(member("$kick", "@ann:hs", ME, "leave"))));
    assert_string_equal(membership_of("!a"), "leave");
    assert_string_equal(delivered("watch"), "timeline !a m.room.member $kick|");
    ingest(rooms("s3", "leave", "!a",
                 timeline(member("$ban", "@ann:hs", ME, "ban"))));
    assert_string_equal(membership_of("!a"), "ban");
    /* What was known of the room is void when we come again. */
    ingest(rooms("s4", "join", "!a", "{}"));
    assert_string_equal(state_of("!a", "m.room.member", ME), "none");
}

static bool knows_members(const char *room_id)
{
    struct store_room room;

    return store_room_get(store, S(room_id), &room, &err) == 1 &&
           room.members_complete;
}

/* The server leaves out members who say nothing in what it sends. */
static void a_gap_makes_the_member_list_stale(void **state)
{
    (void)state;
    ingest(rooms("s1", "join", "!a", timeline(msg("$1", 0))));
    ok(store_ingest_begin(store, &err));
    ok(store_room_set_members_complete(store, S("!a"), &err));
    ok(store_room_set_members_complete(store, S("!b"), &err));
    ok(store_ingest_end(store, true, &err));
    ingest(rooms("s2", "join", "!a", timeline(msg("$2", 0))));
    assert_true(knows_members("!a"));
    ingest(rooms(
        "s3", "join", "!a",
        quoted("{'timeline':{'limited':true,'events':[%s]}}", msg("$3", 0))));
    assert_false(knows_members("!a"));
    assert_true(knows_members("!b"));
    assert_string_equal(membership_of("!a"), "join");
}

static void exact_types_elsewhere(void **state)
{
    (void)state;
    want("x", "ephemeral", "m.typing");
    want("x", "room_account_data", "m.tag");
    want("x", "account_data", "org.example.settings");
    want("x", "presence", "m.presence");
    ingest(quoted(
        "{'next_batch':'s1','rooms':{'join':{'!a':{"
        "'ephemeral':{'events':[{'type':'m.typing','content':{}},"
        "{'type':'m.receipt','content':{}}]},"
        "'account_data':{'events':[{'type':'m.tag','content':{}},"
        "{'type':'m.fully_read','content':{}}]}}}},"
        "'account_data':{'events':[{'type':'org.example.settings'},"
        "{'type':'m.push_rules'}]},"
        "'presence':{'events':[{'type':'m.presence','sender':'@ann:hs'}]}}"));
    assert_string_equal(delivered("x"),
                        "account_data  org.example.settings |"
                        "presence  m.presence |ephemeral !a m.typing |"
                        "room_account_data !a m.tag |");
}

static void our_own_echo_settles_the_send(void **state)
{
    struct outbox_send send = {
        .script = "echo",
        .txn_id = S("t1"),
        .room_id = S("!a"),
        .type = S("org.example.unwanted"),
        .content = S("{}"),
    };
    struct store_outbox_row row;

    (void)state;
    ingest(rooms("s1", "join", "!a", "{}"));
    outbox_hold(outbox, true);
    outbox_detach(outbox_put(outbox, &send, NULL, NULL, &err));
    loop_advance(loop, 0);
    const char *forged = quoted(
        "{'type':'org.example.unwanted','event_id':'$f','sender':'@ann:hs',"
        "'content':{},'unsigned':{'transaction_id':'t1'}}");
    ingest(rooms("s2", "join", "!a", timeline(forged)));
    assert_int_equal(outbox_pending(outbox), 1);
    const char *echo = quoted(
        "{'type':'org.example.unwanted','event_id':'$e','sender':'" ME "',"
        "'content':{},'unsigned':{'transaction_id':'t1'}}");
    ingest(rooms("s3", "join", "!a", timeline(echo)));
    assert_int_equal(outbox_pending(outbox), 0);
    assert_int_equal(store_outbox_find(store, S("t1"), &row, &err), 1);
    assert_int_equal(row.state, STORE_SEND_SENT);
    assert_slice(row.event_id, "$e");
}

/* Wrong types are absent; a bad event costs that event. */
static void nonsense_costs_itself_only(void **state)
{
    (void)state;
    want("echo", "timeline", "m.room.message");
    want("echo", "timeline", "m.room.name");
    char events[8192];
    snprintf(events, sizeof(events),
             "null,1,[],{},{'type':7},{'type':'m.room.message'},"
             "{'type':'m.room.message','event_id':7,'sender':'@ann:hs'},"
             "{'type':'m.room.message','event_id':'$x','sender':null},"
             "{'type':'m.room.message','event_id':'$%0300d','sender':'@a:hs'},"
             "{'type':'m.room.name','state_key':'','event_id':'$s',"
             "'sender':'@ann:hs','content':[1]},"
             "{'type':'m.room.name','state_key':7,'event_id':'$t',"
             "'sender':'@ann:hs','content':{}},"
             "{'type':'m.room.member','state_key':'" ME "','content':9},%s",
             7, msg("$good", 0));
    ingest(quoted("{'next_batch':'s1','rooms':{'join':{'!a':{'timeline':{"
                  "'events':[%s]},'summary':7,'state':[]},'!b':null,'!c':[]},"
                  "'invite':{'!d':{'invite_state':{'events':[{'type':"
                  "'m.room.member','state_key':'" ME "'}]}}},'leave':7},"
                  "'account_data':{'events':[{'type':'m.direct','content':["
                  "1]},{'type':'m.direct','content':{'@a:b':7,'@c:d':["
                  "1,null,'!ok']}}]},'to_device':{'events':[{},7]}}",
                  events));
    assert_string_equal(delivered("echo"), "timeline !a m.room.name $s|"
                                           "timeline !a m.room.name $t|"
                                           "timeline !a m.room.message $good|");
    assert_string_equal(state_of("!a", "m.room.name", ""), "none");
    assert_string_equal(meta("next_batch"), "s1");
    struct store_room room;
    assert_int_equal(store_room_get(store, S("!ok"), &room, &err), 1);
    assert_true(room.direct);
}

static int ticks;

static void count_tick(void *arg)
{
    struct tick **tick = arg;

    ticks++;
    *tick = tick_start(loop, count_tick, tick, NULL);
}

static int written_at;

static int run_write(struct store *s, void *arg, struct err *why)
{
    (void)arg;
    return store_meta_set(s, "other", S("1"), why);
}

static void on_written(void *arg, const struct err *why)
{
    struct ingested *in = arg;

    assert_null(why);
    assert_int_equal(in->done, 1); /* it waited for the gate */
    written_at = ticks;
}

static void a_huge_response_leaves_the_loop_alive(void **state)
{
    struct buf json;
    struct tick *tick = NULL;
    struct ingested in = { 0 };
    const int count = 5000;

    (void)state;
    want("echo", "timeline", "m.room.message");
    buf_init(&json, MIB(64));
    buf_adds(&json, "{\"rooms\":{\"join\":{");
    for (int i = 0; i < count; i++)
        buf_addf(&json, "%s\"!%d\":{%.*s,%s", i ? "," : "", i, 40,
                 "\"account_data\":{\"events\":[]},\"unread\":1",
                 quoted("'state':{'events':[{'type':'m.room.name',"
                        "'state_key':'','sender':'@a:b','event_id':'$n%d',"
                        "'content':{'name':'%d'}},%s]},"
                        "'timeline':{'events':[%s]}}",
                        i, i, member("$j", "@ann:hs", "@ann:hs", "join"),
                        msg("$1", 0)));
    buf_adds(&json, "}},\"next_batch\":\"s1\"}");
    assert_false(json.failed);
    struct sync_filter *filter = sync_filter_new(&interest, ME, &err);
    struct sync_ingest_config config = {
        .loop = loop,
        .store = store,
        .outbox = outbox,
        .crypto = crypto,
        .interest = interest,
        .filter = filter,
        .user_id = ME,
        .catch_up_ms = LIMIT_CATCH_UP_MS,
    };
    fake_on(fake, "GET", "/sync",
            (struct fake_reply) { .body = json.ptr, .piece = 16384 });
    struct sync_fetch_options options = {
        .wanted = sync_filter_wanted(filter),
    };
    assert_non_null(
        sync_fetch_start(loop, homeserver, &options, on_stage, &in, &err));
    loop_advance(loop, 0);
    assert_non_null(in.stage);
    assert_non_null(
        sync_ingest_start(&config, in.stage, on_ingested, &in, &err));
    ticks = 0;
    count_tick(&tick);
    loop_turn(loop);
    assert_int_equal(in.done, 0);
    assert_string_equal(meta("next_batch"), "");
    ok(store_write(store, run_write, on_written, &in, &err));
    while (!in.done)
        loop_turn(loop);
    assert_true(in.ok);
    assert_true(ticks > 3);
    for (int i = 0; i < LIMIT_COMMIT_TURNS; i++)
        loop_turn(loop);
    assert_true(written_at > 3);
    tick_cancel(tick);
    assert_int_equal(in.result.deliveries, count);
    assert_int_equal(in.result.records, 3 * count);
    assert_string_equal(meta("next_batch"), "s1");
    assert_string_equal(state_of("!4999", "m.room.name", ""),
                        "{\"name\":\"4999\"}");
    sync_filter_free(filter);
    buf_free(&json);
}

static void a_cancelled_ingest_leaves_nothing(void **state)
{
    (void)state;
    want("echo", "timeline", "m.room.message");
    struct sync_filter *filter = sync_filter_new(&interest, ME, &err);
    struct ingested in = { 0 };
    struct sync_ingest_config config = {
        .loop = loop,
        .store = store,
        .outbox = outbox,
        .crypto = crypto,
        .interest = interest,
        .filter = filter,
        .user_id = ME,
    };
    struct sync_stage *stage = fetch_stage(
        rooms("s1", "join", "!a", timeline(msg("$1", 0))), 0, filter);
    sync_ingest_cancel(
        sync_ingest_start(&config, stage, on_ingested, &in, &err));
    loop_advance(loop, 0);
    assert_int_equal(in.done, 0);
    assert_string_equal(meta("next_batch"), "");
    sync_filter_free(filter);
}

static void the_filter_asks_for_what_is_wanted(void **state)
{
    (void)state;
    want("a", "timeline", "m.room.message");
    want("a", "timeline", "m.room.topic");
    want("b", "timeline", "org.example.thing");
    want("b", "timeline", "m.room.message");
    want("b", "ephemeral", "m.typing");
    want("b", "account_data", "m.direct");
    struct sync_filter *filter = sync_filter_new(&interest, ME, &err);
    assert_string_equal(
        sync_filter_json(filter).ptr,
        quoted("{'room':{'timeline':{'limit':100,'lazy_load_members':true,"
               "'types':['m.room.*','m.space.*','m.policy.*','m.room.message',"
               "'org.example.thing'],'not_types':['m.room.encrypted',"
               "'m.room.message.feedback','m.room.redaction',"
               "'m.room.server_notice']},"
               "'state':{'lazy_load_members':true,'types':['m.room.*',"
               "'m.space.*','m.policy.*','org.example.thing']},"
               "'ephemeral':{'types':['m.typing']},"
               "'account_data':{'types':[],'not_types':['*']}},"
               "'account_data':{'types':['m.direct']},"
               "'presence':{'types':[],'not_types':['*']}}"));
    assert_slice(sync_filter_state_types(filter), "org.example.thing\n");
    assert_true(sync_filter_has(filter, "ephemeral", S("m.typing")));
    assert_false(sync_filter_has(filter, "timeline", S("m.typing")));
    assert_true(sync_filter_stores(filter, S("m.room.name")));
    assert_true(sync_filter_stores(filter, S("org.example.thing")));
    assert_false(sync_filter_stores(filter, S("m.room.message")));
    assert_false(sync_filter_stores(filter, S("org.example.other")));
    char hash[80];
    snprintf(hash, sizeof(hash), "%s", sync_filter_hash(filter));
    sync_filter_free(filter);
    wants[0].type = "m.room.topic"; /* the same wishes in another order */
    wants[1].type = "m.room.message";
    filter = sync_filter_new(&interest, ME, &err);
    assert_string_equal(sync_filter_hash(filter), hash);
    sync_filter_free(filter);
    assert_true(sync_filter_grew(S(""), S("a\n")));
    assert_true(sync_filter_grew(S("a\nb\n"), S("a\nc\n")));
    assert_false(sync_filter_grew(S("a\nb\n"), S("b\n")));
    assert_false(sync_filter_grew(S("a\n"), S("")));
    assert_true(sync_filter_grew(S("ab\n"), S("a\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, set_up_sync, tear_down_sync)
        TEST(one_response_is_one_commit),
        TEST(the_size_of_pieces_does_not_matter),
        TEST(a_repeated_event_is_delivered_once),
        TEST(a_failed_commit_moves_nothing),
        TEST(old_events_are_history_when_catching_up),
        TEST(what_is_before_our_join_is_history),
        TEST(state_after_is_the_only_source_when_it_is_there),
        TEST(encryption_is_a_latch_from_wherever_it_comes),
        TEST(an_invite_is_told_once),
        TEST(an_invite_says_whether_it_is_direct),
        TEST(leaving_is_told_from_being_kicked_and_banned),
        TEST(a_gap_makes_the_member_list_stale),
        TEST(exact_types_elsewhere),
        TEST(our_own_echo_settles_the_send),
        TEST(nonsense_costs_itself_only),
        TEST(a_huge_response_leaves_the_loop_alive),
        TEST(a_cancelled_ingest_leaves_nothing),
        TEST(the_filter_asks_for_what_is_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
