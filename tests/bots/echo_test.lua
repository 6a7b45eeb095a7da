local t = require "matrix.test"
t.script "../../scripts/echo.lua"

local ALICE = "@alice:test"

t.case("every message comes back, in order", function(w)
    local room = w:room{ members = { ALICE } }
    for i = 1, 5 do room:say(ALICE, "number " .. i) end
    local bodies = {}
    for i, message in ipairs(room:sent()) do bodies[i] = message.body end
    t.eq(bodies, { "number 1", "number 2", "number 3", "number 4", "number 5" })
    t.eq(room:last().content["m.relates_to"]["m.in_reply_to"] ~= nil, true)
end)

t.case("rooms do not mix", function(w)
    local one, two = w:room{ members = { ALICE } }, w:room{ members = { "@bob:test" } }
    one:say(ALICE, "one")
    two:say("@bob:test", "two")
    t.eq(one:last().body, "one")
    t.eq(two:last().body, "two")
    t.eq(#one:sent() + #two:sent(), 2)
end)

t.case("nothing is answered twice over a restart, and nothing is lost", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "before")
    w:restart()
    room:say(ALICE, "after")
    w:restart{ crash = true }
    room:say(ALICE, "last")
    t.eq(#room:sent(), 3)
    t.eq(room:last().body, "last")
end)

t.case("a send that fails is tried again, before what follows", function(w)
    local room = w:room{ members = { ALICE } }
    w:fail_next("send", { status = 502, times = 2 })
    room:say(ALICE, "one")
    room:say(ALICE, "two")
    w:advance("2m")
    t.eq(room:sent()[1].body, "one")
    t.eq(room:sent()[2].body, "two")
end)

t.case("a message sent while sync fails arrives after it", function(w)
    local room = w:room{ members = { ALICE } }
    w:fail_next("sync", { status = 500, times = 3 })
    room:say(ALICE, "hello")
    w:advance("5m")
    t.eq(room:last().body, "hello")
    w:log()
end)
