-- Commands as people call them, with what the host makes of them.
local t = require "matrix.test"
t.script("commands.lua")
t.script("../../scripts/roll.lua")

local ALICE, BOB, BOT = "@alice:test", "@bob:test", "@bot:test"

local function ask(room, text, content, who)
    local before = #room:sent()
    room:say(who or ALICE, text, content)
    local sent = room:sent()
    t.ok(#sent <= before + 1, "one answer to " .. text)
    return sent[before + 1] and sent[before + 1].body
end

t.case("a command is called by prefix, pill, ID and name", function(w)
    local room = w:room{ members = { ALICE } }
    local pill = ('<a href="https://matrix.to/#/%s">Bot</a>: poll open a &amp; b'):format(BOT)
    t.eq(ask(room, "!poll open x"), "open x")
    t.eq(ask(room, "Bot: poll open a & b", { format = "org.matrix.custom.html",
        formatted_body = pill }), "open a & b")
    t.eq(ask(room, BOT .. ": poll open y"), "open y")
    t.eq(ask(room, "poll open z"), nil)
    t.eq(ask(room, "!poll"),
        "there is no such command; there is:\n!poll open <what...>\n!poll close")
end)

t.case("in a direct chat the name is enough, for help too", function(w)
    local room = w:room{ members = { ALICE }, direct = true }
    t.eq(ask(room, "are you there"), "yes")
    t.eq(ask(room, "whisper"), "psst")
    t.match(ask(room, "help ping"), "^!ping %- am I there\nalso: pong, are you there\n")
    t.match(ask(room, BOT .. " help"), "^commands:\n  !ping ")
    t.eq(ask(room, "help me with my homework"), nil)
end)

t.case("a cooldown is each sender's, and runs out", function(w)
    local room = w:room{ members = { ALICE, BOB } }
    t.eq(ask(room, "!ping"), "yes")
    t.eq(ask(room, "!pong"), "wait 10s before you call this again")
    t.eq(ask(room, "!ping", nil, BOB), "yes")
    w:advance("10s")
    t.eq(ask(room, "!ping"), "yes")
end)

t.case("power and admins are held to, and help knows", function(w)
    local room = w:room{ members = { ALICE, BOB } }
    t.eq(ask(room, "!poll close", nil, BOB), "this needs power level 50")
    t.eq(ask(room, "!boss", nil, BOB), "this is for admins only")
    t.eq(ask(room, "!whisper", nil, BOB), "this works in a direct chat only")
    t.eq(ask(room, "!help", nil, BOB), "commands:\n  !ping - am I there\n"
        .. "  !poll open <what...> - begin one\n"
        .. "roll:\n  !roll [count:int=1] [sides:int=6] [why...] - roll some dice")
    t.eq(ask(room, "!poll", nil, BOB),
        "there is no such command; there is:\n!poll open <what...>")
    t.eq(ask(room, "!help boss", nil, BOB), "there is no command 'boss'")
    local levels = room:state("m.room.power_levels")
    levels.users[BOB] = 50
    room:state("m.room.power_levels", levels)
    t.eq(ask(room, "!poll close", nil, BOB), "closed")
    t.eq(ask(room, "!help poll", nil, BOB), "!poll close - end it\nneeds power level 50\n"
        .. "!poll open <what...> - begin one")
    t.eq(ask(room, "!help pol", nil, BOB), "there is no command 'pol', did you mean 'poll'?")
end)
