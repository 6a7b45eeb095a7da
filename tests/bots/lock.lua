-- What a lock keeps apart: <name> says when it is in and when it is out.
local function work(ev, name, time)
    ev:reply(name .. " in")
    if name == "crash" then error("it crashed") end
    while name == "spin" do tostring(name) end
    local _ <close> = name == "stuck"
        and setmetatable({}, { __close = function() while name do tostring(name) end end }) or nil
    matrix.sleep(time)
    ev:reply(name .. " out")
    return name, nil, time
end

bot:command("work <name> [time=10s]", "one at a time", function(ev, args)
    bot:lock("work", work, ev, args.name, args.time)
end)

bot:command("other <name>", "another key", function(ev, args)
    bot:lock("other", work, ev, args.name, "1s")
end)

bot:command("impatient <name>", "waits 5 s at most", function(ev, args)
    matrix.race{
        function() bot:lock("work", work, ev, args.name, "1h") end,
        function() matrix.sleep("5s") end,
    }
end)

bot:command("results", "what fn returned", function(ev)
    local results = table.pack(bot:lock("work", work, ev, "r", 1))
    ev:reply(("%d %s %s %s"):format(results.n, results[1], results[2], results[3]))
end)

bot:command("again", "the same key inside", function(ev)
    bot:lock("work", function()
        local ok, message = pcall(bot.lock, bot, "work", print)
        ev:reply(("%s %s"):format(ok, message))
        bot:lock("inner", function() ev:reply("another key is fine") end)
    end)
    bot:lock("work", function() ev:reply("free again") end)
end)

bot:command("bad", "wrong keys", function(ev)
    for _, key in ipairs({ "", ("x"):rep(256) }) do
        ev:reply(tostring(select(2, pcall(bot.lock, bot, key, print))))
    end
end)

bot:command("stuck", "a limit that leaves no time to clean up", function(ev)
    bot:lock("stuck", function()
        ev:reply("in")
        local _ <close> = setmetatable({}, { __close = function() while true do end end })
        error("it ends")
    end)
end)
