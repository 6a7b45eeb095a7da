local t = require "matrix.test"
local ALICE = "@alice:test"

local function said(room)
    local out = {}
    for i, message in ipairs(room:sent()) do out[i] = message.body end
    return table.concat(out, ", ")
end

local function open(w)
    return w:room{ members = { ALICE } }
end

t.case("a job has its fields, and runs once it is due", function(w)
    local room = open(w)
    room:say(ALICE, "!note 1h hello")
    t.eq(said(room), "job #1 (note) note 0 3600")
    w:advance("59m59s")
    t.eq(#room:sent(), 1)
    w:advance("1s")
    t.match(said(room), ", hello job #1 %(note%) 1$")
    w:advance("7d")
    t.eq(#room:sent(), 2)
end)

t.case("what fails comes again later and later, then is set aside", function(w)
    local room = open(w)
    room:say(ALICE, "!go flaky")
    w:advance("1h")
    t.eq(said(room), "flaky 1 at 0, flaky 2 at 60, flaky 3 at 180")
    t.eq(#w:log("error"), 3)
    t.match(w:log("warn")[1].text, "job #1 'flaky' is set aside: it failed 3 times")
    w:restart{ crash = true }
    w:advance("1h")
    t.eq(#room:sent(), 3)
end)

t.case("a wait for another attempt survives a restart; three more is the default", function(w)
    local room = open(w)
    room:say(ALICE, "!go late")
    w:restart()
    w:advance("1m")
    t.eq(said(room), "late 1, late 2")
    w:restart{ crash = true }
    w:advance("2m")
    t.eq(said(room), "late 1, late 2, late 3")
    t.eq(#w:log("error"), 2)
end)

t.case("without retry it is set aside at once", function(w)
    local room = open(w)
    room:say(ALICE, "!go fails")
    t.match(w:log("warn")[1].text, "job #1 'fails' is set aside: it failed 1 time$")
    t.eq(#w:log("error"), 1)
end)

t.case("the same key takes the place of one that waits", function(w)
    local room = open(w)
    room:say(ALICE, "!key a one")
    room:say(ALICE, "!key b two")
    w:advance("30s")
    room:say(ALICE, "!key a three")
    w:advance("1h")
    t.eq(said(room), "two job #2 (note) 1, three job #3 (note) 1")
end)

t.case("a job may enqueue its next one, under its own key", function(w)
    local room = open(w)
    room:say(ALICE, "!go chain")
    w:advance("1m")
    w:restart{ crash = true }
    w:advance("1h")
    t.eq(said(room), "chain 1, chain 2, chain 3")
end)

t.case("jobs that wait are listed in order, and can be taken back", function(w)
    local room = open(w)
    room:say(ALICE, "!many 50")
    t.eq(said(room), "50 true true, false nil nil")
    w:advance("2h")
    t.eq(#room:sent(), 2)
end)

t.case("a handler that runs again finds the job it made", function(w)
    local room = open(w)
    room:say(ALICE, "!twice")
    t.eq(said(room), "once job #1 (note) 1")
    w:restart{ crash = true }
    w:advance("20s")
    t.eq(said(room), "once job #1 (note) 1, job #1 (note) true")
end)

t.case("what ran in a crash comes again, and is set aside after three", function(w)
    local room = open(w)
    room:say(ALICE, "!go slow")
    w:advance("5s")
    w:restart{ crash = true }
    w:advance("5s")
    t.eq(said(room), "slow in 1") -- the second "slow in" has the id of the first
    w:restart{ crash = true }
    w:advance("5s")
    w:restart{ crash = true }
    w:advance("1h")
    t.eq(said(room), "slow in 1")
    t.match(w:log("error")[1].text, "1 job is set aside: the program ended during each of 3")
end)

t.case("a stop gives the attempt back", function(w)
    local room = open(w)
    room:say(ALICE, "!go slow")
    for _ = 1, 4 do w:restart() end
    w:advance("1h")
    t.eq(said(room), "slow in 1, slow out")
    t.eq(#w:log("warn"), 4) -- each tells what it cancelled
end)

t.case("no more run at once than bot.concurrency", function(w)
    local room = open(w)
    room:say(ALICE, "!go slow 4")
    t.eq(said(room), "slow in 1, slow in 1, slow in 1")
    room:say(ALICE, "!note 0 busy") -- events go on, this job waits
    t.match(said(room), "job #5 %(note%) note 0 0$")
    w:advance("10s")
    t.match(said(room), "busy job #5 %(note%) 1")
    w:advance("10s")
    t.eq(#room:sent(), 4 + 4 + 2)
end)

local SOURCE = [[
bot:job("slow", function(job) bot:room(job.data.room_id):notice("new " .. job.attempt) end)
]]

t.case("a reload: what runs ends on old code, the next one is the new code's", function(w)
    local room = open(w)
    room:say(ALICE, "!go slow")
    t.ok(w:reload(SOURCE .. [[bot:command("go <name>", "", function(ev, a)
        bot:enqueue(a.name, { data = { room_id = ev.room_id } })
    end)]]))
    room:say(ALICE, "!go slow")
    t.eq(said(room), "slow in 1, new 1")
    w:advance("1m")
    t.eq(said(room), "slow in 1, new 1, slow out")
end)

t.case("what old code does not end, new code begins again", function(w)
    local room = open(w)
    room:say(ALICE, "!note 1m later")
    t.ok(w:reload([[
bot:command("go", "", function(ev)
    bot:enqueue("slow", { data = { room_id = ev.room_id, time = "1h" } })
end)
bot:job("slow", function(job) matrix.sleep(job.data.time) end)]]))
    room:say(ALICE, "!go")
    t.ok(w:reload(SOURCE))
    w:advance("1m")
    t.match(said(room), ", new 1$")
    local warnings = w:log("warn")
    t.match(warnings[1].text, "cancelled after")
    t.match(warnings[2].text, "job #1 'note' is due and waits: the script has no bot:job")
    w:advance("1d") -- it is told once
end)

t.case("a due job that nobody runs waits for a script that does", function(w)
    local room = open(w)
    room:say(ALICE, "!note 1m later")
    t.ok(w:reload("bot:job('other', print)"))
    w:advance("5m")
    t.eq(#w:log("warn"), 1)
    t.eq(#room:sent(), 1)
    t.ok(w:reload([[bot:job("note", function(job)
        bot:room(job.data.room_id):notice("at last " .. job.data.text)
    end)]]))
    t.match(said(room), ", at last later$")
end)

t.case("a refused reload changes nothing", function(w)
    local room = open(w)
    room:say(ALICE, "!note 1s later")
    t.ok(not w:reload("bot:job('a', print) bot:job('a', print)"))
    t.match(w:load_error(), "the job 'a' has a function already %(.*:1%)")
    w:advance("1s")
    t.match(said(room), ", later job #1")
    w:log()
end)

t.case("mistakes raise, limits are told", function(w)
    local room = open(w)
    room:say(ALICE, "!wrong")
    local lines = room:last().body
    t.match(lines, "^bot:enqueue: at and after exclude each other\ndata.f is a function\n")
    t.match(lines, "unknown field 'whem'")
    t.match(lines, "job.enqueue: name .*\nlimit: .* 70002 bytes of data")
end)

t.case("an attempt sends again what was refused, and only that", function(w)
    local room = open(w)
    w:fail_next("send", { status = 403, errcode = "M_FORBIDDEN" })
    room:say(ALICE, "!go asks")
    t.eq(said(room), "")
    w:advance("10s")
    t.eq(said(room), "asking")
    w:advance("1m")
    t.eq(said(room), "asking, answered")
    t.eq(#w:log("error"), 2)
end)
