local t = require "matrix.test"
t.script("../../scripts/order.lua")

local ALICE, BOB = "@alice:test", "@bob:test"

t.case("an order is a talk, and two can be had at once", function(w)
    local room = w:room{ members = { ALICE, BOB } }
    room:say(ALICE, "!order")
    t.eq(room:last().body, "Which size? (large, medium, small)")
    room:say(BOB, "!order")
    room:say(ALICE, " Large")
    t.eq(room:last().body, "A large one for 10, really? (no, yes)")
    room:say(BOB, "small")
    room:say(BOB, "no")
    t.eq(room:last().body, "as you like")
    room:say(ALICE, "yes")
    room:say(ALICE, "!orders")
    t.eq(room:last().body, "@alice:test: large")
end)

t.case("what makes no sense is asked again, three times", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!order")
    room:say(ALICE, "huge")
    t.match(room:last().body, "^Which size")
    room:say(ALICE, "tiny")
    room:say(ALICE, "none")
    t.eq(room:last().body, "that is on no menu of mine")
    t.eq(#room:sent(), 4)
end)

t.case("silence ends it", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!order")
    w:advance("3m")
    t.eq(room:last().body, "no answer, no pizza")
    room:say(ALICE, "!orders")
    t.eq(room:last().body, "nothing yet")
end)
