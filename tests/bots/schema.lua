-- What a configuration is read as.
bot.config_schema = {
    feed = "url", every = "duration=10m", mode = "fast|slow=slow", room = "room?",
    admins = "user[]?", limit = "int=5", loud = "bool=no", any = "any?", words = "string[]?",
    server = { host = "string=localhost", port = "int=80" },
}

local function plain(value)
    if type(value) ~= "table" then return value end
    local copy = {}
    for key, inner in pairs(value) do copy[key] = plain(inner) end
    return copy
end

bot:command("show", function(ev) ev:reply(matrix.inspect(plain(bot.config))) end)
bot:command("change", function(ev)
    local ok, why = pcall(function() bot.config.evry = 1 end)
    ev:reply(tostring(ok) .. " " .. tostring(why))
end)
bot:command("late", function() bot.config_schema = {} end)
