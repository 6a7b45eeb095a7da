local t = require "matrix.test"
t.script("emit.lua")
t.script("emit_desk.lua")

local ALICE = "@alice:test"

local function said(room)
    local out = {}
    for i, message in ipairs(room:sent()) do out[i] = message.body end
    return table.concat(out, "; ")
end

local function open(w)
    return w:room{ members = { ALICE } }, w:room{ members = { ALICE }, alias = "desk" }
end

t.case("it reaches who listens, and counts them", function(w)
    local room, desk = open(w)
    room:say(ALICE, '!emit low {"a":[1,2.5]}')
    room:say(ALICE, "!emit low")
    room:say(ALICE, "!emit nobody")
    t.eq(said(room), "1; 1; 0")
    t.eq(said(desk), "emit low { a = { 1, 2.5 } }; emit low nil")
end)

t.case("several handlers, in order; the emitter too", function(w)
    local room, desk = open(w)
    room:say(ALICE, '!emit low "twice"')
    t.eq(said(desk), 'emit low "twice"; second')
    room:say(ALICE, "!emit back 1")
    room:say(ALICE, "!seen")
    t.eq(said(room), "1; 1; emit/back/1 emit/back/2")
end)

t.case("data is a copy", function(w)
    local room, desk = open(w)
    room:say(ALICE, "!copy")
    t.eq(said(desk), "emit low { deep = { 1.5, true }, n = 1 }")
end)

t.case("they come in the order in which they were sent", function(w)
    local room, desk = open(w)
    room:say(ALICE, "!many 5")
    t.eq(said(desk), "emit low 1; emit low 2; emit low 3; emit low 4; emit low 5")
end)

t.case("it can be waited for", function(w)
    local room = open(w)
    room:say(ALICE, "!wait")
    room:say(ALICE, '!emit low "ask"')
    t.eq(said(room), "1; answer yes")
    room:say(ALICE, "!wait")
    w:advance("2m")
    t.match(said(room), "; timeout$")
end)

t.case("a server cannot emit", function(w)
    local room, desk = open(w)
    room:state("script:emit:low", { data = 1 })
    room:state("org.example.low", {})
    t.eq(said(desk), "a type like others")
end)

t.case("more than may wait is refused, what waits is not lost", function(w)
    local room, desk = open(w)
    room:say(ALICE, '!emit low "slow"')
    room:say(ALICE, "!many 1001")
    t.match(w:log("error")[1].text, "emit_desk has not handled 1000 emitted events yet")
    w:advance("11s")
    t.eq(#desk:sent(), 1001)
end)

t.case("too large is refused", function(w)
    local room = open(w)
    room:say(ALICE, "!large")
    t.eq(said(room), "nil limit")
end)

t.case("mistakes are told", function(w)
    local room = open(w)
    room:say(ALICE, "!bad")
    local lines = {}
    for line in (room:last().body .. "\n"):gmatch("(.-)\n") do lines[#lines + 1] = line end
    for i, pattern in ipairs({ "without a colon", "without a colon", "one word", "contains itself",
        "is a function", "string expected", "must be script:<script>:<name>" }) do
        t.match(lines[i], pattern)
        t.match(lines[i], "emit.lua:%d+: ")
    end
end)

t.case("a reload loses nothing", function(w)
    local room, desk = open(w)
    room:say(ALICE, '!emit low "slow"')
    room:say(ALICE, "!many 2")
    t.ok(w:reload())
    w:advance("11s")
    t.eq(said(desk), 'emit low 1; emit low 2; emit low "slow"')
end)

for _, case in ipairs({
    { [[bot:emit("low")]], "before the script is live" },
    { [[bot:on("load", function() bot:emit("low") end)]], "before the script is live" },
    { [[bot:on("script:emit", print)]], "must be script:<script>:<name>" },
    { [[bot:on("script:emit:a:b", print)]], "must be script:<script>:<name>" },
    { [[bot:on("script:emit:low", { room = "!a:b" }, print)]], "takes no filter" },
}) do
    t.case("refused: " .. case[1], function(w)
        t.ok(not w:reload(case[1]))
        t.match(w:load_error(), case[2])
    end)
end
