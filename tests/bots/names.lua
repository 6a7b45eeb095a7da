-- Tells which short names came.
for _, name in ipairs({ "message", "mention", "dm" }) do
    bot:on(name, function(ev) ev:reply(name) end)
end
bot:on("unreaction", function(ev) ev.room:notice(("%s %s"):format(ev.key, ev.target_id)) end)
bot:command("link", "to this message", function(ev) ev:reply(ev:permalink()) end)
