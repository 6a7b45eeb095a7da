local t = require "matrix.test"
t.script("../../scripts/thumbs.lua")

local ALICE, BOB, CAROL = "@alice:test", "@bob:test", "@carol:test"

local function list(room)
    room:say(ALICE, "!thumbs")
    return room:last().body
end

t.case("thumbs are counted for the author, most first", function(w)
    local room = w:room{ members = { ALICE, BOB, CAROL } }
    t.eq(list(room), "no thumbs yet")
    local idea = room:say(BOB, "pizza?")
    local other = room:say(CAROL, "soup?")
    room:react(ALICE, idea, "👍")
    room:react(CAROL, idea, "👍🏽")
    room:react(ALICE, other, "👍")
    room:react(ALICE, other, "👎")
    t.eq(list(room), "1. bob: 2 👍\n2. carol: 1 👍")
end)

t.case("nobody votes for oneself, and a thumb can be taken back", function(w)
    local room = w:room{ members = { ALICE, BOB } }
    local idea = room:say(BOB, "pizza?")
    room:react(BOB, idea, "👍")
    local vote = room:react(ALICE, idea, "👍")
    t.eq(list(room), "1. bob: 1 👍")
    room:redact(ALICE, vote)
    t.eq(list(room), "no thumbs yet")
end)

t.case("the count outlives a restart; the author is known for a week", function(w)
    local room = w:room{ members = { ALICE, BOB } }
    local idea = room:say(BOB, "pizza?")
    room:react(ALICE, idea, "👍")
    w:restart{ crash = true }
    t.eq(list(room), "1. bob: 1 👍")
    w:advance("8d")
    room:react(ALICE, idea, "👍🏻")
    t.eq(list(room), "1. bob: 1 👍")
end)
