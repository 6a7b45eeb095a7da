local t = require "matrix.test"
local ALICE = "@alice:test"

local function said(room)
    local out = {}
    for i, message in ipairs(room:sent()) do out[i] = message.body end
    return table.concat(out, ", ")
end

t.case("one holder, first come first served, over all rooms", function(w)
    local one, two = w:room{ members = { ALICE } }, w:room{ members = { ALICE } }
    one:say(ALICE, "!work a")
    two:say(ALICE, "!work b")
    one:say(ALICE, "!work c")
    two:say(ALICE, "!other d") -- another key, and b gave up its turn
    t.eq(said(one), "a in")
    t.eq(said(two), "d in")
    w:advance("11s")
    t.eq(said(one), "a in, a out")
    t.eq(said(two), "d in, d out, b in")
    w:advance("20s")
    t.eq(said(one), "a in, a out, c in, c out")
    t.eq(said(two), "d in, d out, b in, b out")
end)

t.case("it gives what the function returned", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!results")
    w:advance("2s")
    t.eq(room:last().body, "3 r nil 1")
end)

t.case("an error and a limit end it", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!work crash")
    room:say(ALICE, "!work spin")
    room:say(ALICE, "!work a")
    t.eq(said(room), "crash in, spin in, a in")
    local errors = w:log("error")
    t.match(errors[1].text, "it crashed")
    t.match(errors[2].text, "limits.burst")
    w:advance("10s")
end)

t.case("who is cancelled leaves the line, or gives back what it has", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!work a")
    room:say(ALICE, "!impatient b") -- while it waits
    room:say(ALICE, "!work c")
    w:advance("11s")
    t.eq(said(room), "a in, a out, c in")
    room:say(ALICE, "!impatient d")
    w:advance("10s") -- c is out at 20 s; d began to wait at 11 s, ends at 16 s
    t.eq(said(room), "a in, a out, c in, c out")
    room:say(ALICE, "!impatient e") -- while it has it
    room:say(ALICE, "!work f")
    w:advance("6s")
    t.match(said(room), "c out, e in, f in$")
    w:advance("10s")
end)

t.case("a task that is stuck while it is closed gives it back too", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!impatient stuck")
    room:say(ALICE, "!work a")
    w:advance("6s")
    t.eq(said(room), "stuck in, a in")
    w:advance("10s")
    w:log()
end)

t.case("a task cannot wait for itself", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!again")
    t.match(said(room), "^false %S*lock.lua:%d+: bot:lock: this task has the lock 'work' already, "
        .. "another key is fine, free again$")
end)

t.case("keys have a size", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!bad")
    t.match(said(room), "bot:lock: .*key.*bot:lock: .*key")
end)

local NEW = [[bot:command("work <name>", function(ev, args)
    bot:lock("work", function() ev:reply("new " .. args.name) end)
end)]]

t.case("old code and new code keep each other out", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!work a")
    room:say(ALICE, "!work b")
    t.ok(w:reload(NEW))
    room:say(ALICE, "!work c")
    t.eq(said(room), "a in")
    w:advance("11s")
    t.eq(said(room), "a in, a out, b in")
    w:advance("10s")
    t.eq(said(room), "a in, a out, b in, b out, new c")
end)

t.case("old code that does not end loses it", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!work a 1h")
    room:say(ALICE, "!work b 1h")
    t.ok(w:reload(NEW))
    room:say(ALICE, "!work c")
    w:advance("2m")
    t.eq(said(room), "a in, new c")
    w:log()
end)

t.case("a restart ends all locks", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!work a")
    w:restart{ crash = true }
    w:advance("11s")
    t.match(said(room), "a in, a out$")
    room:say(ALICE, "!work b")
    w:advance("10s")
    t.match(said(room), "b in, b out$")
end)

t.case("a task that cannot clean up holds nothing", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!stuck")
    room:say(ALICE, "!stuck")
    t.eq(said(room), "in, in")
    t.eq(#w:log("error"), 2)
end)
