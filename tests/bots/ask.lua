-- What waits for events: questions, votes, and what is said beside them.
bot.concurrency = bot.config.concurrency or 64

bot:command("order [from]", "two questions", function(ev, args)
    local opts = { timeout = "2m", from = args.from }
    local size, err = ev:ask("which size?", opts)
    if not size then return ev:reply(("%s: %s"):format(err.kind, err)) end
    local sauce
    sauce, err = size:ask("which sauce?", opts)
    if not sauce then return ev:reply(("%s: %s"):format(err.kind, err)) end
    sauce:reply(("%s, %s, %d"):format(size.body, sauce.body, ev.attempt))
end)

bot:command("cancel", "a command still", function(ev) ev:reply("cancelled") end)

bot:command("vote [alias]", "the next reaction", function(ev, args)
    local filter = args.alias and { room = args.alias, sender = ev.sender }
    local vote, err = bot:wait_for("reaction", filter, { timeout = 60 })
    ev:reply(vote and vote.sender .. " " .. vote.key or err.kind)
end)

bot:command("go", "a pattern", function(ev)
    local go = bot:wait_for("message", { pattern = "^go$" }, { timeout = "1h" })
    ev:reply(go and "gone" or "not gone")
end)

bot:command("first", "an answer or the time", function(ev)
    ev:reply(tostring(matrix.race{
        function() return ev:ask("quick!", { timeout = "1h" }).body end,
        function() matrix.sleep("5s") return "too late" end,
    }))
end)

bot:command("sleep", "takes a place", function(ev)
    matrix.sleep("10m")
    ev:reply("awake")
end)

bot:command("bad", "mistakes", function(ev)
    local tries = {
        function() bot:wait_for("mesage", { timeout = 1 }) end,
        function() bot:wait_for("ready") end,
        function() bot:wait_for("message", { romo = "!a:b" }) end,
        function() bot:wait_for("message", {}, { tiemout = 1 }) end,
        function() bot:wait_for("unreaction") end,
        function() ev:ask("x", { from = "alice" }) end,
        function() assert(ev:reply("x")):ask("y") end,
    }
    local texts = {}
    for i, try in ipairs(tries) do texts[i] = tostring(select(2, pcall(try))) end
    ev:reply(table.concat(texts, "\n"))
end)

bot:on("message", function(ev)
    ev:reply("heard " .. ev.body)
    if ev.body == "nap" then matrix.sleep("1m") end
end)
