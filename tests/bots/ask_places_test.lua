-- Places (bot.concurrency): who waits for an answer takes none.
local t = require "matrix.test"
t.script("ask.lua", { config = { concurrency = 1 } })

local ALICE, BOB = "@alice:test", "@bob:test"

local function said(room)
    local out = {}
    for i, message in ipairs(room:sent()) do out[i] = message.body end
    return table.concat(out, "; ")
end

t.case("questions hold up nobody", function(w)
    local room = w:room{ members = { ALICE, BOB } }
    room:say(ALICE, "!order")
    room:say(BOB, "!order")
    room:say(BOB, "small")
    room:say(ALICE, "large")
    room:say(ALICE, "none")
    room:say(BOB, "garlic")
    t.eq(said(room), "which size?; which size?; which sauce?; which sauce?; "
        .. "large, none, 1; small, garlic, 1")
end)

t.case("an answer needs no place, everything else does", function(w)
    local one, two = w:room{ members = { ALICE } }, w:room{ members = { ALICE, BOB } }
    two:say(ALICE, "!order")
    one:say(ALICE, "!sleep")
    two:say(ALICE, "large")
    two:say(ALICE, "none")
    t.eq(said(two), "which size?; which sauce?; large, none, 1")
    two:say(BOB, "hello")
    t.match(said(two), "1$")
    w:advance("11m")
    t.match(said(two), "1; heard hello$")
    t.eq(said(one), "awake")
    w:log()
end)

t.case("what looked like an answer takes its place again when it is none", function(w)
    local one, two = w:room{ members = { ALICE } }, w:room{ members = { ALICE, BOB } }
    two:say(ALICE, "!go")
    one:say(ALICE, "!sleep")
    two:say(BOB, "wait") -- Lua says no
    t.eq(said(two), "")
    w:advance("11m")
    t.eq(said(two), "heard wait")
    two:say(BOB, "go")
    t.eq(said(two), "heard wait; gone")
    w:log()
end)
