-- Creating rooms, aliases, state.
local s = require "suite"

local function state_types(person, room_id)
    local list = person:must("GET", s.path("/rooms/%s/state", room_id))
    local out = {}
    for _, ev in ipairs(list) do
        out[#out + 1] = ev.type .. "/" .. (ev.state_key == "" and "" or "x")
    end
    table.sort(out)
    return table.concat(out, " ")
end

s.case("create", function()
    local alice, bob = s.person("alice"), s.person("bob")
    for _, preset in ipairs({ "private_chat", "public_chat", "trusted_private_chat" }) do
        local room_id = alice:create_room({ preset = preset, name = "Tea", topic = "drinks",
            invite = matrix.array{ bob.user_id } })
        local function state(kind) return s.path("/rooms/%s/state/%s", room_id, kind) end
        s.note(preset, state_types(alice, room_id))
        alice:check("rules", "GET", state("m.room.join_rules"), { show = { "join_rule" } })
        alice:check("visibility", "GET", state("m.room.history_visibility"),
            { show = { "history_visibility" } })
        alice:check("guests", "GET", state("m.room.guest_access"), { show = { "guest_access" } })
        alice:check("name", "GET", state("m.room.name"), { show = { "name" } })
        alice:check("topic", "GET", state("m.room.topic"), { show = { "topic" } })
        alice:check("powers", "GET", state("m.room.power_levels"), { show = {
            "users_default", "events_default", "state_default", "ban", "kick", "redact", "invite",
            "users" } })
    end
    alice:check("no such preset", "POST", "/createRoom", { body = { preset = "tea_party" } })
    alice:check("invite a bad name", "POST", "/createRoom",
        { body = { invite = matrix.array{ "bob" } } })
    local room_id = alice:create_room({ preset = "private_chat", initial_state = matrix.array{
        { type = "org.example.tea", state_key = "", content = { kind = "green" } } },
        power_level_content_override = { users_default = 10 } })
    alice:check("initial state", "GET", s.path("/rooms/%s/state/org.example.tea", room_id),
        { show = { "kind" } })
    alice:check("overridden levels", "GET",
        s.path("/rooms/%s/state/m.room.power_levels", room_id),
        { show = { "users_default", "ban" } })
    alice:check("of version 11", "POST", "/createRoom", { body = { room_version = "11" } })
    alice:check("of no version", "POST", "/createRoom", { body = { room_version = "tea" } })
end)

s.case("aliases", function()
    local alice, bob = s.person("alice"), s.person("bob")
    local server = alice.user_id:match(":(.+)$")
    local name = "tea-" .. s.txn_id()
    local alias = ("#%s:%s"):format(name, server)
    s.call_it(alias, "#tea")
    local room_id = alice:create_room({ preset = "public_chat", room_alias_name = name })
    local path = s.path("/directory/room/%s", alias)
    bob:check("look up", "GET", path, { show = { "room_id" } })
    alice:check("main alias", "GET", s.path("/rooms/%s/state/m.room.canonical_alias", room_id),
        { show = { "alias" } })
    bob:check("join by alias", "POST", s.path("/join/%s", alias),
        { body = {}, show = { "room_id" } })
    alice:check("taken", "POST", "/createRoom", { body = { room_alias_name = name } })
    alice:check("set it again", "PUT", path, { body = { room_id = room_id } })
    local second = ("#%s-2:%s"):format(name, server)
    s.call_it(second, "#tea2")
    local second_path = s.path("/directory/room/%s", second)
    alice:check("set another", "PUT", second_path, { body = { room_id = room_id } })
    local list = alice:check("all", "GET", s.path("/rooms/%s/aliases", room_id))
    table.sort(list.aliases)
    s.note("aliases", list.aliases)
    bob:check("delete another's", "DELETE", second_path)
    alice:check("delete", "DELETE", second_path)
    alice:check("delete again", "DELETE", second_path)
    alice:check("look up what is gone", "GET", second_path)
    alice:check("no alias at all", "GET", s.path("/directory/room/%s", "tea"))
    bob:check("join what is not there", "POST", s.path("/join/%s", "#none:" .. server),
        { body = {} })
    bob:check("join no room", "POST", s.path("/join/%s", "tea"), { body = {} })
end)

s.case("state", function()
    local alice, bob, carol = s.person("alice"), s.person("bob"), s.person("carol")
    local room_id = alice:room_with({ bob })
    local function state(kind, key)
        return s.path("/rooms/%s/state/%s", room_id, kind) .. (key and "/" .. s.segment(key) or "")
    end
    alice:check("set", "PUT", state("m.room.topic"),
        { body = { topic = "one" }, show = { "event_id" } })
    alice:check("the same again", "PUT", state("m.room.topic"),
        { body = { topic = "one" }, show = { "event_id" } })
    alice:check("another", "PUT", state("m.room.topic"),
        { body = { topic = "two" }, show = { "event_id" } })
    alice:check("with a key", "PUT", state("org.example.x", "k/1"), { body = { a = 1 } })
    alice:check("read with a key", "GET", state("org.example.x", "k/1"), { show = { "a" } })
    alice:check("read without", "GET", state("org.example.x"))
    bob:check("read", "GET", state("m.room.topic"), { show = { "topic" } })
    bob:check("set without power", "PUT", state("m.room.topic"), { body = { topic = "three" } })
    carol:check("read from outside", "GET", state("m.room.topic"))
    carol:check("read all from outside", "GET", s.path("/rooms/%s/state", room_id))
    carol:check("set from outside", "PUT", state("m.room.topic"), { body = { topic = "four" } })
    bob:check("what is not there", "GET", state("org.example.none"))
    alice:check("of another user", "PUT", state("org.example.x", bob.user_id), { body = {} })
    alice:check("of oneself", "PUT", state("org.example.x", alice.user_id), { body = {} })
    alice:check("no JSON object", "PUT", state("org.example.x"), { body = matrix.array{ 1 } })
    alice:check("in no room", "GET",
        s.path("/rooms/%s/state", "!none:" .. alice.user_id:match(":(.+)$")))
    alice:check("levels that are no numbers", "PUT", state("m.room.power_levels"),
        { body = { users = { [alice.user_id] = "high" } } })
end)
