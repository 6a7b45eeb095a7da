-- Removes messages with forbidden words; the third in a day is a kick.

local forbidden = bot.config.words or {} -- lower case

local function is_bad(text)
    text = text:lower()
    for _, word in ipairs(forbidden) do
        if text:find(word, 1, true) then return true end
    end
    return false
end

bot:on("message", function(ev)
    if not ev.body or not is_bad(ev.body) then return end
    if ev.room:power(ev.sender) >= 50 then return end -- moderators may quote it
    ev:redact("forbidden word")
    local key = ("strikes:%s:%s"):format(ev.room_id, ev.sender)
    local strikes = (bot.store:get(key) or 0) + 1
    bot.store:set(key, strikes, { ttl = "1d" })
    if strikes < 3 then
        ev.room:notice(("%s: please mind your words (%d of 3)"):format(ev.member, strikes))
        return
    end
    local ok, err = ev.room:kick(ev.sender, "three strikes")
    if not ok then bot.admin:notice(("cannot kick %s: %s"):format(ev.sender, err)) end
    bot.store:delete(key)
end)

bot:command("pardon <who:user>", { help = "forget strikes", power = 50 }, function(ev, args)
    bot.store:delete(("strikes:%s:%s"):format(ev.room_id, args.who))
    ev:react("✅")
end)
