local t = require "matrix.test"
t.script("../../scripts/moderate.lua", { config = { messages = 3, seconds = 10 } })

local ALICE, BOB = "@alice:test", "@bob:test" -- the first makes the room

local function moderated(w)
    return w:room{ members = { ALICE, BOB }, power = { [w.user_id] = 50 } }
end

t.case("a flood is removed and told once; who goes on is kicked", function(w)
    local room = moderated(w)
    for i = 1, 3 do room:say(BOB, "spam " .. i) end
    t.eq(#room:sent(), 0)
    for i = 4, 5 do room:say(BOB, "spam " .. i) end
    local _, removed = room:transcript():gsub("%(redacted%)", "")
    t.eq(removed, 2)
    t.eq(#room:sent(), 1)
    t.eq(room:last().body, "bob: slow down, please")
    room:say(BOB, "spam 6")
    t.eq(room:membership(BOB), "leave")
    t.match(w:log("warn")[1].text, "kicked @bob:test")
end)

t.case("who speaks slowly, or moderates, may go on", function(w)
    local room = moderated(w)
    for i = 1, 8 do
        room:say(ALICE, "fast " .. i)
        room:say(BOB, "slow " .. i)
        w:advance("4s")
    end
    t.eq(#room:sent(), 0)
end)

t.case("a reload forgets nobody", function(w)
    local room = moderated(w)
    for i = 1, 3 do room:say(BOB, "spam " .. i) end
    t.ok(w:reload())
    room:say(BOB, "spam 4")
    t.eq(room:last().body, "bob: slow down, please")
end)
