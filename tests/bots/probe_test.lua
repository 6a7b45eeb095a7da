-- The test bench itself: what people do reaches a bot, and faults are real.
local t = require "matrix.test"
t.script("probe.lua", { config = { word = "yes" }, secrets = { key = "hunter22" } })

local ALICE, BOB = "@alice:test", "@bob:test"

t.case("everything that people do is seen, once", function(w)
    local room = w:room{ members = { ALICE } }
    local event_id = room:say(ALICE, "hello")
    room:edit(ALICE, event_id, "hello!")
    room:react(ALICE, event_id, "+")
    room:redact(ALICE, event_id, "no")
    room:join(BOB)
    room:leave(BOB)
    t.eq(w:store(), { message = 1, edit = 1, reaction = 1, redaction = 1, join = 1, leave = 1 })
end)

t.case("state is set and read; what is not there is nil", function(w)
    local room = w:room{ members = { ALICE }, name = "Lab",
        state = { { type = "m.room.topic", state_key = "", content = { topic = "a" } } } }
    t.eq(room:state("m.room.name"), { name = "Lab" })
    t.eq(room:state("m.room.topic").topic, "a")
    room:state("m.room.topic", { topic = "b" })
    t.eq(room:state("m.room.topic").topic, "b")
    t.eq(room:state("org.example.none"), nil)
end)

t.case("people are held to the room's rules", function(w)
    local room = w:room{ members = { ALICE } }
    t.raises(function() room:say(BOB, "I am not here") end, "not in room")
    t.raises(function() room:redact(ALICE, "$none") end, "Could not find event")
    room:join(BOB)
    local event_id = room:say(ALICE, "hello")
    t.raises(function() room:redact(BOB, event_id) end, "power level 0 here, this needs 50")
end)

t.case("secrets and configuration are given, and the log hides secrets", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!secret")
    t.eq(room:last().body, "8 yes")
end)

t.case("other sites answer only where that is said", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!get https://example.org/a")
    t.eq(room:last().body, "network")
    w:http("https://example.org/*", "hello")
    room:say(ALICE, "!get https://example.org/a?b=c")
    t.eq(room:last().body, "hello")
    t.eq(w:http()[2].url, "https://example.org/a?b=c")
end)

t.case("a handler's error is in the log, and the case must look", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "crash")
    t.match(w:log("error")[1].text, "it crashed")
end)

t.case("a reload that is refused leaves the script as it was", function(w)
    local room = w:room{ members = { ALICE } }
    local ok, report = w:reload("bot:on(")
    t.eq(ok, nil)
    t.match(report, "probe.lua:1")
    t.match(w:load_error(), "probe.lua:1")
    t.eq(w:load_error(), nil)
    room:say(ALICE, "hello")
    t.eq(w:store().message, 1)
    t.ok(w:reload('bot:on("message", function(ev) ev:reply("new") end)'))
    room:say(ALICE, "hello")
    t.eq(room:last().body, "new")
end)

t.case("what a crash interrupts is done again", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "sleep")
    t.eq(w:store().message, nil)
    w:restart{ crash = true }
    w:advance("2h")
    t.eq(w:store().message, 1)
end)

t.case("checks fail when they should", function()
    local function failure(fn) return select(2, pcall(fn)).message end
    t.eq(failure(function() t.eq({ 1, { 2 } }, { 1, { 3 } }) end),
        "got { 1, { 2 } }, wanted { 1, { 3 } }")
    t.match(failure(function() t.ne("a", "a") end), 'got "a"')
    t.match(failure(function() t.match("a", "b") end), "does not match")
    t.match(failure(function() t.ok(nil, "why") end), "^why$")
    t.match(failure(function() t.raises(function() end) end), "did not raise")
end)

t.case("a name that is not there is told", function(w)
    local room = w:room{ members = { ALICE } }
    t.raises(function() w:advanse("1s") end, "w has no 'advanse'.*advance")
    t.raises(function() room:sya(ALICE, "x") end, "room has no 'sya'.*say")
    t.raises(function() w:advance("soon") end, "'soon' is no duration")
    t.raises(function() w:fail_next("sned") end, "no operation 'sned'")
end)
