-- Every way to call a command, and who may.
bot:command("ping", {
    help = "am I there", cooldown = "10s", aliases = { "pong", "are you there" },
}, function(ev) ev:reply("yes") end)
bot:command("poll open <what...>", "begin one", function(ev, args)
    ev:reply("open " .. args.what)
end)
bot:command("poll close", { help = "end it", power = 50 }, function(ev) ev:reply("closed") end)
bot:command("boss", { help = "rule", admin = true }, function(ev) ev:reply("yes, boss") end)
bot:command("whisper", { dm = true, hidden = true }, function(ev) ev:reply("psst") end)
bot:on("message", function(ev) ev:react("read") end)
