-- Jobs of every sort; what they do is told in the room.
bot.concurrency = 3

local function tell(job, text, ...)
    bot:room(job.data.room_id):notice(text:format(...))
end

-- Each attempt anew: without an id of its own it is the first one's again.
local function tell_again(job, text, ...)
    local body = text:format(...)
    bot:room(job.data.room_id):notice{ body = body, txn_id = body }
end

local function say(room_id, text)
    return assert(bot:room(room_id):notice(text))
end

bot:job("note", function(job)
    tell(job, "%s %s %d", job.data.text, job, job.attempt)
end)

bot:job("flaky", { retry = { max = 2, backoff = "1m" } }, function(job)
    tell_again(job, "flaky %d at %d", job.attempt, matrix.now() - job.data.from)
    error("no luck")
end)

bot:job("late", { retry = {} }, function(job)
    tell_again(job, "late %d", job.attempt)
    if job.attempt < 3 then error("not yet") end
end)

bot:job("fails", function() error{ kind = "odd" } end)

bot:job("slow", function(job)
    tell(job, "slow in %d", job.attempt)
    matrix.sleep(job.data.time or "10s")
    tell(job, "slow out")
end)

bot:job("chain", function(job)
    tell(job, "chain %d", job.data.n)
    if job.data.n < 3 then
        job.data.n = job.data.n + 1
        bot:enqueue("chain", { after = "1m", key = "only", data = job.data })
    end
end)

bot:command("note <delay:duration> <text...>", "enqueue a note", function(ev, a)
    local job = assert(bot:enqueue("note", {
        after = a.delay, data = { room_id = ev.room_id, text = a.text },
    }))
    say(ev.room_id, ("%s %s %d %.0f"):format(job, job.name, job.attempt, job.at - matrix.now()))
end)

bot:command("go <name> [count:int=1]", "enqueue any", function(ev, a)
    for _ = 1, a.count do
        assert(bot:enqueue(a.name, { data = { room_id = ev.room_id, n = 1, from = matrix.now() } }))
    end
end)

bot:command("key <key> <text>", "the last one counts", function(ev, a)
    assert(bot:enqueue("note", {
        after = "1m", key = a.key, data = { room_id = ev.room_id, text = a.text },
    }))
end)

bot:command("many <count:int>", "list and cancel", function(ev, a)
    for i = a.count, 1, -1 do
        assert(bot:enqueue("note", { at = matrix.now() + 60 * i, data = i }))
    end
    local found, first = {}, nil
    for job in bot:jobs("note") do
        found[#found + 1] = job.data
        first = first or job
    end
    local sorted = true
    for i, n in ipairs(found) do sorted = sorted and i == n end
    say(ev.room_id, ("%d %s %s"):format(#found, sorted, bot:jobs("note", first.id) == first))
    for job in bot:jobs("note") do assert(job:cancel()) end
    say(ev.room_id, ("%s %s %s"):format(first:cancel(), bot:jobs("note", first.id),
        bot:jobs("note")()))
end)

bot:command("twice", "a handler that may be repeated", function(ev)
    local job = assert(bot:enqueue("note", { data = { room_id = ev.room_id, text = "once" } }))
    matrix.sleep("10s")
    say(ev.room_id, ("%s %s"):format(job, ev.redelivered))
end)

bot:command("wrong", "mistakes and limits", function(ev)
    local function try(...)
        local ok, err = pcall(bot.enqueue, bot, ...)
        return ok and "fine" or tostring(err):gsub("^.-:%d+: ", "")
    end
    local _, big = bot:enqueue("note", { data = ("x"):rep(70000) })
    local wrong = { try("note", { at = 1, after = 1 }), try("note", { data = { f = print } }),
        try("note", { whem = 1 }), try(("n"):rep(300)), big.kind .. ": " .. tostring(big) }
    say(ev.room_id, table.concat(wrong, "\n"))
end)

bot:job("asks", { retry = { max = 5, backoff = 10 } }, function(job)
    assert(bot:room(job.data.room_id):notice("asking"))
    if job.attempt < 3 then error("not yet") end
    tell(job, "answered")
end)
