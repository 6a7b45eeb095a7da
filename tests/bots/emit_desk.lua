-- Listens to emit.lua.
local room = bot:room(bot.config.room or "#desk:test")

bot:on("script:emit:low", function(e)
    if e.data == "slow" then matrix.sleep("10s") end
    room:send(("%s %s %s"):format(e.script, e.name, matrix.inspect(e.data)))
    if e.data == "ask" then bot:emit("answer", "yes") end
end)

bot:on("script:emit:low", function(e)
    if e.data == "twice" then room:send("second") end
end)

-- The same name from a server is no emission.
bot:on("org.example.low", function() room:send("a type like others") end)
