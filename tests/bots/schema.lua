-- What a configuration is read as.
bot.config_schema = {
    feed = "url", every = "duration=10m", mode = "fast|slow=slow", room = "room?",
    admins = "user[]?", limit = "int=5", loud = "bool=no", any = "any?", words = "string[]?",
    server = { host = "string=localhost", port = "int=80" },
}

bot:command("show", function(ev) ev:reply(matrix.inspect(bot.config)) end)
bot:command("json", function(ev) ev:reply(matrix.json.encode(bot.config, { pretty = true })) end)

-- Whoever writes to it is told; what reads a table reads it.
bot:command("change", function(ev)
    local config, said = bot.config, {}
    for _, change in ipairs({
        function() config.evry = 1 end,
        function() config.every = 1 end,
        function() config.server.port = 1 end,
        function() config.admins[1] = "@b:test" end,
        function() config.any.deep[1] = nil end,
        function() table.insert(config.admins, "@b:test") end,
    }) do
        local ok, why = pcall(change)
        said[#said + 1] = ("%s %s"):format(ok, tostring(why))
    end
    ev:reply(table.concat(said, "\n"))
end)
bot:command("read", function(ev)
    local config, keys = bot.config, {}
    for key in pairs(config) do keys[#keys + 1] = key end
    table.sort(keys)
    bot.store:set("kept", config)
    local kept = bot.store:get("kept")
    kept.server.port = 1
    matrix.http.post(config.feed, config.server, { query = config.server })
    ev:reply(table.concat({
        table.concat(keys, " "), #config.admins, table.concat(config.admins, ","),
        table.unpack(config.admins), kept.server.host,
        tostring(matrix.is_array(config.admins)), tostring(matrix.is_array(config.server)),
        table.concat(matrix.keys(config.server), ","), matrix.array(config.admins)[1],
        tostring(getmetatable(config)), config.server.port,
    }, "\n"))
end)
bot:on("message", { sender = bot.config.admins }, function(ev)
    if ev.body == "hi" then ev:reply("hello, admin") end
end)
bot:command("late", function() bot.config_schema = {} end)
