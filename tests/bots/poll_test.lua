local t = require "matrix.test"
t.script("../../scripts/poll.lua")

local ALICE, BOB = "@alice:test", "@bob:test"

local function results(room, poll)
    room:say(ALICE, "!results", { ["m.relates_to"] = { ["m.in_reply_to"] = { event_id = poll } } })
    return room:last().body
end

t.case("votes are counted, and taken back", function(w)
    local room = w:room{ members = { ALICE, BOB } }
    room:say(ALICE, "!poll Pizza?")
    local poll = room:last().event_id
    room:react(ALICE, poll, "👍")
    local vote = room:react(BOB, poll, "👍")
    room:react(BOB, poll, "🍕")
    t.eq(results(room, poll), "👍 2  👎 0")
    room:redact(BOB, vote)
    t.eq(results(room, poll), "👍 1  👎 0")
    w:restart()
    t.eq(results(room, poll), "👍 1  👎 0")
end)

t.case("what is no poll is told", function(w)
    local room = w:room{ members = { ALICE } }
    local id = room:say(ALICE, "hello")
    t.eq(results(room, id), "that is not one of my polls")
    room:say(ALICE, "!results")
    t.match(room:last().body, "poll is missing")
end)
