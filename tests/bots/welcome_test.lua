local t = require "matrix.test"
t.script("../../scripts/welcome.lua", { config = { text = "Hello %s, 100% glad" } })

local ALICE = "@alice:test"

t.case("who joins together is welcomed together", function(w)
    local room = w:room{ members = { ALICE } }
    room:join("@bob:test")
    w:advance("5s")
    room:join("@carol:test")
    t.eq(#room:sent(), 0)
    w:advance("5s")
    t.eq(room:last().body, "Hello bob, carol, 100% glad")
    room:join("@dave:test")
    w:advance("10s")
    t.eq(room:last().body, "Hello dave, 100% glad")
end)

t.case("nobody is welcomed twice in a day, also after a restart", function(w)
    local room = w:room{ members = { ALICE } }
    for days = 1, 2 do
        room:join("@bob:test")
        w:advance("10s")
        room:leave("@bob:test")
        room:join("@bob:test")
        w:advance("10s")
        t.eq(#room:sent(), days)
        room:leave("@bob:test")
        w:restart()
        w:advance("1d")
    end
end)

t.case("each room has its own", function(w)
    local one, two = w:room{ members = { ALICE } }, w:room{ members = { ALICE } }
    one:join("@bob:test")
    two:join("@bob:test")
    w:advance("10s")
    t.eq(#one:sent(), 1)
    t.eq(#two:sent(), 1)
end)

t.case("a crash while waiting welcomes all the same, once", function(w)
    local room = w:room{ members = { ALICE } }
    room:join("@bob:test")
    w:restart{ crash = true }
    w:advance("10s")
    t.eq(#room:sent(), 1)
end)
