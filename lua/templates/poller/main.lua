-- Looks at a web address now and then, and says when it changes.

bot:every("5m", { name = "poll", now = true }, function()
    local res, err = matrix.http.get(bot.config.url, { timeout = "20s" })
    if not res then return matrix.log.warn("cannot look: %s", err) end
    if res.status ~= 200 then return matrix.log.warn("%s: HTTP %d", bot.config.url, res.status) end

    local now, before = matrix.crypto.sha256(res.body), bot.store:get("seen")
    if before and now ~= before then
        assert(bot:room(bot.config.room):notice(bot.config.url .. " has changed"))
    end
    bot.store:set("seen", now) -- after the message: a crash repeats it, and loses none
end)
