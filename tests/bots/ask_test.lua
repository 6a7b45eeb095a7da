local t = require "matrix.test"
t.script("ask.lua")

local ALICE, BOB = "@alice:test", "@bob:test"

local function said(room)
    local out = {}
    for i, message in ipairs(room:sent()) do out[i] = message.body end
    return table.concat(out, "; ")
end

local function thread(root)
    return { ["m.relates_to"] = { rel_type = "m.thread", event_id = root } }
end

t.case("an answer goes to who asked, and to nobody else", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!order")
    t.eq(said(room), "which size?")
    room:say(ALICE, "large")
    room:say(ALICE, "garlic")
    t.eq(said(room), "which size?; which sauce?; large, garlic, 1")
    room:say(ALICE, "thanks")
    t.match(said(room), "; heard thanks$")
end)

t.case("nobody answers", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!order")
    w:advance("119s")
    t.eq(said(room), "which size?")
    w:advance("2s")
    t.eq(said(room), "which size?; timeout: no answer within 2m")
    room:say(ALICE, "large")
    t.match(said(room), "; heard large$")
end)

t.case("other people, threads and commands are no answer", function(w)
    local room = w:room{ members = { ALICE, BOB } }
    local order = room:say(ALICE, "!order")
    room:say(BOB, "small")
    room:say(ALICE, "in a thread", thread(order))
    room:say(ALICE, "!cancel")
    room:say(ALICE, "notice", { msgtype = "m.notice" })
    t.eq(said(room), "which size?; heard small; heard in a thread; cancelled")
    room:say(ALICE, "large")
    room:say(ALICE, "none")
    t.match(said(room), "; which sauce%?; large, none, 1$")
end)

t.case("a question in a thread is answered there", function(w)
    local room = w:room{ members = { ALICE } }
    local root = room:say(ALICE, "root")
    room:say(ALICE, "!order", thread(root))
    room:say(ALICE, "outside")
    room:say(ALICE, "large", thread(root))
    room:say(ALICE, "none", thread(root))
    t.eq(said(room), "heard root; which size?; heard outside; which sauce?; large, none, 1")
end)

t.case("rooms side by side, and the older question first", function(w)
    local one, two = w:room{ members = { ALICE } }, w:room{ members = { ALICE } }
    one:say(ALICE, "!order")
    two:say(ALICE, "!order")
    two:say(ALICE, "small")
    one:say(ALICE, "large")
    two:say(ALICE, "none")
    one:say(ALICE, "garlic")
    t.eq(said(one), "which size?; which sauce?; large, garlic, 1")
    t.eq(said(two), "which size?; which sauce?; small, none, 1")
    one:say(ALICE, "!order")
    one:say(ALICE, "!order")
    for _, word in ipairs({ "a", "b", "c", "d" }) do one:say(ALICE, word) end
    t.match(said(one), "; a, c, 1; b, d, 1$")
end)

t.case("somebody else may be asked", function(w)
    local room = w:room{ members = { ALICE, BOB } }
    room:say(ALICE, "!order @bob:test")
    t.eq(room:last().content["m.mentions"].user_ids, { BOB })
    room:say(ALICE, "large")
    room:say(BOB, "small")
    room:say(BOB, "none")
    t.eq(said(room), "which size?; heard large; which sauce?; small, none, 1")
end)

t.case("any event can be waited for, also what the script has no handler for", function(w)
    local room = w:room{ members = { ALICE, BOB } }
    local id = room:say(ALICE, "!vote")
    room:react(BOB, id, "+")
    room:react(BOB, id, "-")
    t.eq(said(room), "@bob:test +")
    room:say(ALICE, "!vote")
    w:advance("61s")
    t.match(said(room), "; timeout$")
end)

t.case("what only Lua can tell is asked first", function(w)
    local here = w:room{ members = { ALICE }, alias = "here" }
    local there = w:room{ members = { ALICE } }
    local id = here:say(ALICE, "!vote #here:test")
    there:react(ALICE, there:say(ALICE, "hello"), "no")
    here:react(ALICE, id, "yes")
    t.eq(said(here), "@alice:test yes")
    there:say(ALICE, "!go")
    here:say(ALICE, "gone")
    here:say(ALICE, "go")
    t.eq(said(there), "heard hello; gone")
    t.eq(said(here), "@alice:test yes; heard gone")
end)

t.case("who is cancelled waits no more", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!first")
    w:advance("6s")
    room:say(ALICE, "late")
    room:say(ALICE, "!first")
    room:say(ALICE, "here")
    t.eq(said(room), "quick!; too late; heard late; quick!; here")
    w:advance("5s")
end)

t.case("a question that cannot be put is not waited for", function(w)
    local room = w:room{ members = { ALICE } }
    w:fail_next("send", { errcode = "M_FORBIDDEN", status = 403 })
    room:say(ALICE, "!order")
    t.match(said(room), "^matrix: ")
    room:say(ALICE, "large")
    t.match(said(room), "heard large$")
end)

t.case("mistakes are told", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!bad")
    local lines = {}
    for line in (room:last().body .. "\n"):gmatch("(.-)\n") do lines[#lines + 1] = line end
    for i, pattern in ipairs({ "unknown event 'mesage', did you mean 'message'", "'ready'",
        "unknown field 'romo'", "unknown field 'tiemout', did you mean 'timeout'",
        "needs a bot:on", "'alice' is no user ID", "say whom to ask" }) do
        t.match(lines[i], pattern)
        t.match(lines[i], "ask.lua:%d+: ")
    end
end)

-- Puts the new code beside the old, which is in the middle of a talk.
local NEW = [[bot:on("message", function(ev) ev:reply("new " .. ev.body) end)]]

t.case("old code hears its answers after a reload", function(w)
    local room = w:room{ members = { ALICE, BOB } }
    room:say(ALICE, "!order")
    t.ok(w:reload(NEW))
    room:say(BOB, "hello")
    room:say(ALICE, "large")
    room:say(ALICE, "none")
    room:say(ALICE, "thanks")
    t.eq(said(room), "which size?; new hello; which sauce?; large, none, 1; new thanks")
end)

t.case("old code that waits too long is cancelled", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!order")
    t.ok(w:reload(NEW))
    w:advance("31s")
    room:say(ALICE, "large")
    t.eq(said(room), "which size?; new large")
    t.match(w:log("warn")[1].text, "cancelled")
end)

local QUIET = [[bot.reload = "quiesce"
bot:on("message", function(ev) local a = ev:ask("q " .. ev.body) ev:reply("got " .. a.body) end)]]

t.case("a reload that waits for handlers lets them have their answers", function(w)
    local room = w:room{ members = { ALICE } }
    t.ok(w:reload(QUIET))
    room:say(ALICE, "one")
    room:say(ALICE, "two")
    t.eq(said(room), "q one; got two")
end)

for _, crash in ipairs({ false, true }) do
    t.case("a talk goes on after a " .. (crash and "crash" or "stop"), function(w)
        local room = w:room{ members = { ALICE } }
        room:say(ALICE, "!order")
        w:restart{ crash = crash }
        room:say(ALICE, "large")
        t.eq(said(room), "which size?; which sauce?")
        w:restart{ crash = crash }
        room:say(ALICE, "none")
        w:restart{ crash = crash }
        room:say(ALICE, "thanks")
        t.eq(said(room), "which size?; which sauce?; large, none, 1; heard thanks")
        w:log("warn") -- a stop waits, and tells what it cancels
    end)
end
