-- Reads files beside it.
local rules = assert(bot:resource("texts/rules.txt"))

bot:command("rules", "from a file", function(ev) ev:reply(rules) end)

bot:command("read <path>", "any file", function(ev, args)
    local ok, text, err = pcall(bot.resource, bot, args.path)
    ev:reply(not ok and "raised " .. text or text or err.kind .. ": " .. err)
end)
