-- Stops floods: more than five messages in ten seconds are removed, and who
-- goes on is kicked. Config: { messages = 5, seconds = 10, room = "#mods:…" }
local most, seconds = bot.config.messages or 5, bot.config.seconds or 10

-- Whoever may kick may also speak as much as they like.
local function is_moderator(ev)
    return ev.room:power(ev.sender) >= 50
end

-- How many messages the sender sent here lately, this one included.
local function lately(ev)
    local key = ev.room_id .. " " .. ev.sender
    local times = {}
    for _, time in ipairs(bot.memory[key] or {}) do
        if ev.origin_server_ts - time < seconds * 1000 then times[#times + 1] = time end
    end
    times[#times + 1] = ev.origin_server_ts
    bot.memory[key] = times
    return #times
end

local function tell(text)
    local room = bot.config.room and bot:room(bot.config.room) or bot.admin
    room:notice(text)
end

bot:on("message", function(ev)
    if is_moderator(ev) then return end
    local n = lately(ev)
    if n <= most then return end
    local ok, err = ev:redact("flood")
    if not ok then return tell(("cannot remove %s: %s"):format(ev:permalink(), err)) end
    if n == most + 1 then ev.room:notice(("%s: slow down, please"):format(ev.member)) end
    if n == 2 * most then
        ok, err = ev.room:kick(ev.sender, "flood")
        tell(ok and ("kicked %s from %s"):format(ev.sender, ev.room)
            or ("cannot kick %s from %s: %s"):format(ev.sender, ev.room, err))
    end
end)
