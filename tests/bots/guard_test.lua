local t = require "matrix.test"
t.script("../../scripts/guard.lua", { config = { quarantine = { "%.bad%.example$" } } })

local ALICE, BOB = "@alice:test", "@bob:test"

local function guarded(w)
    return w:room{ members = { ALICE }, power = { [w.user_id] = 50 } }
end

t.case("who joins is welcomed by name", function(w)
    local room = guarded(w)
    room:join(BOB)
    t.match(room:last().body, "^Welcome, bob! ")
end)

t.case("who comes from a server in quarantine is banned", function(w)
    local room = guarded(w)
    room:join("@mallory:sub.bad.example")
    t.eq(room:membership("@mallory:sub.bad.example"), "ban")
    t.eq(#room:sent(), 0)
end)

t.case("without the power to ban it only tells", function(w)
    local room = w:room{ members = { ALICE } }
    room:join("@mallory:sub.bad.example")
    t.eq(room:membership("@mallory:sub.bad.example"), "join")
    t.match(w:log("warn")[1].text, "cannot ban @mallory:sub.bad.example")
end)

t.case("the third warning kicks, and the count begins again", function(w)
    local room = guarded(w)
    room:join(BOB)
    for _ = 1, 2 do room:say(ALICE, "!warn @bob:test be nice") end
    t.match(room:last().body, "warning 2 of 3: be nice")
    t.eq(w:store(), { ["warn:@bob:test"] = 2 })
    room:say(ALICE, "!warn @bob:test be nice")
    t.eq(room:membership(BOB), "leave")
    t.eq(w:store(), {})
end)

t.case("only those with power may warn; warnings outlive a reload", function(w)
    local room = guarded(w)
    room:join(BOB)
    room:say(BOB, "!warn @alice:test no")
    t.match(room:last().body, "power level 50")
    room:say(ALICE, "!warn @bob:test one")
    t.ok(w:reload())
    room:say(ALICE, "!warn @bob:test two")
    t.match(room:last().body, "warning 2 of 3")
end)
