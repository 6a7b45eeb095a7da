-- Tells what it sees: what the tests of the test bench look at.
for _, kind in ipairs({ "message", "edit", "reaction", "redaction", "join", "leave" }) do
    bot:on(kind, function(ev)
        if kind == "message" and ev.body == "crash" then error("it crashed") end
        if kind == "message" and ev.body == "sleep" then matrix.sleep("1h") end
        bot.store:update(kind, function(n) return (n or 0) + 1 end)
    end)
end

bot:command("secret", "its length", function(ev)
    ev:reply(("%d %s"):format(#bot.secrets.key:reveal(), bot.config.word))
end)

bot:command("get <url>", "fetch", function(ev, args)
    local res, err = matrix.http.get(args.url)
    ev:reply(res and res.body or err.kind)
end)
