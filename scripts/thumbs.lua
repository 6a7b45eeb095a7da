-- Counts thumbs: whose messages got how many 👍 in this room. Phones add a
-- skin tone to the thumb, so only its beginning is compared.
local THUMB = "^👍"

local function count(ev, delta)
    local author = bot.store:get("by:" .. ev.target_id)
    if ev.redelivered or not author or author == ev.sender then return end
    bot.store:update("thumbs:" .. ev.room_id, function(thumbs)
        thumbs = thumbs or {}
        thumbs[author] = math.max((thumbs[author] or 0) + delta, 0)
        return thumbs
    end)
end

-- A reaction does not tell whose message it is about: remember for a week.
bot:on("message", function(ev)
    bot.store:set("by:" .. ev.event_id, ev.sender, { ttl = "7d" })
end)

bot:on("reaction", function(ev)
    if ev.target_id and (ev.key or ""):find(THUMB) then count(ev, 1) end
end)

bot:on("unreaction", function(ev)
    if ev.key:find(THUMB) then count(ev, -1) end
end)

bot:command("thumbs", "who got the most thumbs here", function(ev)
    local list = {}
    for user_id, n in pairs(bot.store:get("thumbs:" .. ev.room_id) or {}) do
        if n > 0 then list[#list + 1] = { name = ev.room:member(user_id) or user_id, n = n } end
    end
    if #list == 0 then return ev:reply("no thumbs yet") end
    table.sort(list, function(a, b)
        if a.n ~= b.n then return a.n > b.n end
        return tostring(a.name) < tostring(b.name)
    end)
    local lines = {}
    for i = 1, math.min(#list, 5) do
        lines[i] = ("%d. %s: %d 👍"):format(i, list[i].name, list[i].n)
    end
    ev:reply(table.concat(lines, "\n"))
end)
