-- Answers every message with its own words.

bot:on("message", function(ev)
    ev:reply(ev.body)
end)
