-- Echo: answers every message with its own text.
-- Try it: lunatrix run scripts/echo.lua
bot:on("message", function(ev)
    ev:reply(ev.body)
end)
