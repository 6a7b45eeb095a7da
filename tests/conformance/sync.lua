-- GET /sync: what comes, where, and when.
local s = require "suite"

local function joined(body, room_id)
    return body.rooms and body.rooms.join and body.rooms.join[room_id] or {}
end

local function timeline(body, room_id)
    return joined(body, room_id).timeline or {}
end

local function bodies(list)
    local out = {}
    for i, ev in ipairs(list or {}) do out[i] = ev.content.body or ev.type end
    return matrix.array(out)
end

local function sections(body, room_id)
    local out = {}
    for _, section in ipairs({ "join", "invite", "leave", "knock" }) do
        local rooms = body.rooms and body.rooms[section]
        if rooms and rooms[room_id] then out[#out + 1] = section end
    end
    return table.concat(out, " ")
end

s.case("the first sync", function()
    local alice, bob = s.person("alice"), s.person("bob")
    local room_id = alice:room_with({ bob })
    alice:send(room_id, "one")
    local body = bob:sync()
    s.note("sections", sections(body, room_id), type(body.next_batch))
    local types = {}
    local room = joined(body, room_id)
    for _, ev in ipairs(room.state.events) do types[ev.type] = (types[ev.type] or 0) + 1 end
    for _, ev in ipairs(room.timeline.events) do types[ev.type] = (types[ev.type] or 0) + 1 end
    s.note("state and timeline", types)
    s.note("timeline ends", bodies({ room.timeline.events[#room.timeline.events] }),
        type(room.timeline.prev_batch))
    s.note("summary", room.summary["m.joined_member_count"], room.summary["m.invited_member_count"],
        room.summary["m.heroes"])
end)

s.case("what is new", function()
    local alice, bob = s.person("alice"), s.person("bob")
    local room_id = alice:room_with({ bob })
    local since = bob:sync().next_batch
    local nothing = bob:sync(since)
    s.note("nothing new", sections(nothing, room_id))
    alice:send(room_id, "one")
    alice:send(room_id, "two")
    local body = bob:sync(since)
    s.note("two", s.events(timeline(body, room_id).events), timeline(body,
        room_id).limited or false)
    local again = bob:sync(since)
    s.note("the same again", bodies(timeline(again, room_id).events))
    local later = bob:sync(body.next_batch)
    s.note("and then nothing", sections(later, room_id))
    bob:check("a bad token", "GET", "/sync", { query = { since = "nonsense", timeout = 0 } })
    bob:check("a bad filter", "GET", "/sync", { query = { filter = "nonsense", timeout = 0 } })
    bob:check("a filter that is no JSON", "GET", "/sync", { query = { filter = "{nonsense",
        timeout = 0 } })
end)

s.case("limited", function()
    local alice, bob = s.person("alice"), s.person("bob")
    local room_id = alice:room_with({ bob })
    local since = bob:sync().next_batch
    for i = 1, 8 do alice:send(room_id, "message " .. i) end
    alice:must("PUT", s.path("/rooms/%s/state/m.room.topic", room_id), { topic = "new" })
    for i = 9, 11 do alice:send(room_id, "message " .. i) end
    local filter = { room = { timeline = { limit = 3 } } }
    local body = bob:sync(since, filter)
    s.note("the newest three", bodies(timeline(body, room_id).events),
        timeline(body, room_id).limited)
    s.note("state between", s.events(joined(body, room_id).state.events))
    local back = bob:must("GET", s.path("/rooms/%s/messages", room_id), nil,
        { dir = "b", from = timeline(body, room_id).prev_batch, limit = 4 })
    s.note("paging back", bodies(back.chunk))
end)

s.case("filters", function()
    local alice, bob = s.person("alice"), s.person("bob")
    local room_id, other = alice:room_with({ bob }), alice:room_with({ bob })
    local since = bob:sync().next_batch
    alice:send(room_id, "one")
    alice:send(room_id, { x = 1 }, "org.example.thing")
    bob:send(room_id, "two")
    alice:send(other, "elsewhere")
    local function ask(step, filter)
        local body = bob:sync(since, filter)
        s.note(step, bodies(timeline(body, room_id).events), sections(body, other))
    end
    ask("types", { room = { timeline = { types = matrix.array{ "m.room.message" } } } })
    ask("types with a star", { room = { timeline = { types = matrix.array{ "org.*" } } } })
    ask("not types", { room = { timeline = { not_types = matrix.array{ "m.room.message" } } } })
    ask("senders", { room = { timeline = { senders = matrix.array{ bob.user_id } } } })
    ask("not senders", { room = { timeline = { not_senders = matrix.array{ bob.user_id } } } })
    ask("rooms", { room = { rooms = matrix.array{ room_id } } })
    ask("not rooms", { room = { not_rooms = matrix.array{ other } } })
    ask("no timeline", { room = { timeline = { limit = 0 } } })
    local path = s.path("/user/%s/filter", bob.user_id)
    local body = bob:check("keep one", "POST", path,
        { body = { room = { rooms = matrix.array{ room_id } } } })
    s.note("its id", type(body.filter_id))
    bob:check("read it", "GET", path .. "/" .. s.segment(body.filter_id), { show = { "room" } })
    bob:check("read what is not there", "GET", path .. "/999")
    alice:check("read another's", "GET", path .. "/" .. s.segment(body.filter_id))
    local kept = bob:must("GET", "/sync", nil, { since = since, timeout = 0,
        filter = body.filter_id })
    s.note("use it", bodies(timeline(kept, room_id).events), sections(kept, other))
end)

s.case("lazy members", function()
    local alice, bob, carol = s.person("alice"), s.person("bob"), s.person("carol")
    local room_id = alice:room_with({ bob, carol })
    alice:send(room_id, "one")
    local filter = { room = { state = { lazy_load_members = true }, timeline = { limit = 1 } } }
    local body = bob:sync(nil, filter)
    local function members()
        local out = {}
        for _, ev in ipairs(joined(body, room_id).state.events) do
            if ev.type == "m.room.member" then out[#out + 1] = ev.state_key end
        end
        local named = {}
        for i, id in ipairs(out) do
            named[i] = id == alice.user_id and "alice" or id == bob.user_id and "bob" or "carol"
        end
        table.sort(named)
        return table.concat(named, " ")
    end
    s.note("who is there", members())
    local summary = joined(body, room_id).summary
    s.note("summary", summary["m.joined_member_count"], summary["m.invited_member_count"],
        #summary["m.heroes"])
    alice:must("PUT", s.path("/rooms/%s/state/m.room.name", room_id), { name = "Tea" })
    alice:send(room_id, "two")
    body = bob:sync(nil, filter)
    s.note("with a name", members(), joined(body, room_id).summary["m.heroes"] ~= nil)
end)

s.case("invites, leaving, being thrown out", function()
    local alice, bob = s.person("alice"), s.person("bob")
    local room_id = alice:create_room({ preset = "private_chat", name = "Tea" })
    local body = bob:sync()
    alice:must("POST", s.path("/rooms/%s/invite", room_id), { user_id = bob.user_id })
    body = bob:sync(body.next_batch)
    s.note("invited", sections(body, room_id))
    local seen = {}
    for _, ev in ipairs(body.rooms.invite[room_id].invite_state.events) do
        if ev.type == "m.room.name" or ev.type == "m.room.join_rules"
            or ev.type == "m.room.create" or ev.state_key == bob.user_id then
            seen[#seen + 1] = ev.type
        end
        if ev.state_key == bob.user_id then s.note("the invite", ev.sender,
            ev.content.membership) end
    end
    table.sort(seen)
    s.note("stripped", table.concat(seen, " "))
    bob:join(room_id)
    body = bob:sync(body.next_batch)
    s.note("joined", sections(body, room_id))
    local has = {}
    for _, list in ipairs({ joined(body, room_id).state.events, timeline(body, room_id).events }) do
        for _, ev in ipairs(list) do has[ev.type] = true end
    end
    s.note("with its state", has["m.room.create"], has["m.room.name"], has["m.room.power_levels"])
    alice:send(room_id, "one")
    alice:must("POST", s.path("/rooms/%s/kick", room_id), { user_id = bob.user_id,
        reason = "loud" })
    alice:send(room_id, "bob is gone")
    body = bob:sync(body.next_batch)
    s.note("kicked", sections(body, room_id),
        s.events(body.rooms.leave[room_id].timeline.events))
    body = bob:sync(body.next_batch)
    s.note("and then", sections(body, room_id))
    alice:must("POST", s.path("/rooms/%s/invite", room_id), { user_id = bob.user_id })
    body = bob:sync(body.next_batch)
    bob:must("POST", s.path("/rooms/%s/leave", room_id), {})
    body = bob:sync(body.next_batch)
    s.note("invite refused", sections(body, room_id))
end)

s.case("a long poll ends when something comes", function()
    local alice, bob = s.person("alice"), s.person("bob")
    local room_id = alice:room_with({ bob })
    local since = bob:sync().next_batch
    local poll = matrix.spawn(function()
        return bob:must("GET", "/sync", nil, { since = since, timeout = 30000 })
    end)
    matrix.sleep(0.2)
    alice:send(room_id, "wake up")
    local body = poll:join()
    s.note("woken", bodies(timeline(body, room_id).events))
end)

s.case("own events and transactions", function()
    local alice, bob = s.person("alice"), s.person("bob")
    local room_id = alice:room_with({ bob })
    local since, since_bob = alice:sync().next_batch, bob:sync().next_batch
    local txn = s.txn_id()
    s.call_it(txn, "the transaction")
    alice:must("PUT", s.path("/rooms/%s/send/m.room.message/%s", room_id, txn),
        { msgtype = "m.text", body = "mine" })
    local mine = timeline(alice:sync(since), room_id).events[1]
    local his = timeline(bob:sync(since_bob), room_id).events[1]
    s.note("the sender's", mine.unsigned.transaction_id)
    s.note("another's", (his.unsigned or {}).transaction_id or "-")
end)
