-- Feed: posts new items of an RSS feed; stays quiet on the first run.
-- Config: { feed = "https://example.org/feed.xml", room = "#news:example.org" }
bot:every("10m", { name = "feed", now = true }, function()
    local room = bot:room(bot.config.room)
    local seen = bot.store:get("seen") or {}
    local quiet = next(seen) == nil
    local headers = { ["If-None-Match"] = bot.store:get("etag") }
    local res, err = matrix.http.get(bot.config.feed, { headers = headers })
    if not res then return matrix.log.warn("feed: %s", err) end
    if res.status ~= 200 then return end -- 304 and the like
    for item in res.body:gmatch("<item.->(.-)</item>") do
        local link, title = item:match("<link>(.-)</link>"), item:match("<title>(.-)</title>")
        if link and not seen[link] then
            if not quiet then
                assert(room:notice(matrix.html.unescape(title or "?") .. " " .. link))
            end
            seen[link] = true
            bot.store:set("seen", seen) -- after each post: a crash repeats one at most
        end
    end
    bot.store:set("etag", res.headers.etag)
end)
