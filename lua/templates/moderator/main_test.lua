local t = require "matrix.test"
t.script("main.lua", { config = { words = { "spam" } } })

local ALICE, BOB = "@alice:test", "@bob:test" -- the first makes the room

local function open(w)
    return w:room{ members = { ALICE, BOB }, state = { {
        type = "m.room.power_levels", state_key = "",
        content = { users = { [ALICE] = 100, [w.user_id] = 50 }, users_default = 0 },
    } } }
end

t.case("a bad word is removed, three are a kick", function(w)
    local room = open(w)
    for strike = 1, 2 do
        room:say(BOB, "buy SPAM")
        t.eq(room:last().body, ("bob: please mind your words (%d of 3)"):format(strike))
    end
    room:say(BOB, "spam!")
    t.eq(room:state("m.room.member", BOB).membership, "leave")
end)

t.case("moderators may say it, and pardon", function(w)
    local room = open(w)
    room:say(ALICE, "no spam please")
    t.eq(#room:sent(), 0)
    room:say(BOB, "spam")
    room:say(ALICE, "!pardon @bob:test")
    room:say(BOB, "spam")
    t.match(room:last().body, "1 of 3")
end)
