local t = require "matrix.test"
t.script "../../scripts/roll.lua"

local ALICE = "@alice:test"

t.case("dice have their sides, and the reason is kept", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!roll 3 6 for luck")
    local total, faces = room:last().body:match("^(%d+) %((.-)%) for luck$")
    t.ok(total, room:last().body)
    local sum, count = 0, 0
    for face in faces:gmatch("%d+") do
        t.ok(tonumber(face) >= 1 and tonumber(face) <= 6, "a face of " .. face)
        sum, count = sum + face, count + 1
    end
    t.eq(count, 3)
    t.eq(sum, tonumber(total))
end)

t.case("what cannot be rolled is told", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!roll 99")
    t.match(room:last().body, "count must be 1 to 50")
    room:say(ALICE, "!roll two")
    t.match(room:last().body, "usage: !roll")
    room:say(ALICE, "!roll 1 1")
    t.match(room:last().body, "at least 2 sides")
end)

t.case("help tells of it", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!help roll")
    t.match(room:last().body, "roll some dice")
    t.match(room:last().body, "!roll 2 20 for initiative")
end)
