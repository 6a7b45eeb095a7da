-- Welcomes newcomers: those who join within ten seconds of each other share
-- one message, and nobody is welcomed twice in a day.
-- Config: { text = "Welcome, %s! Please read the topic." }
local text = bot.config.text or "Welcome, %s!"

local waiting = {} -- room ID -> displaynames

local function welcome(room)
    local names = waiting[room.room_id]
    waiting[room.room_id] = nil
    assert(room:notice((text:gsub("%%s", { ["%s"] = table.concat(names, ", ") }))))
end

bot:on("join", function(ev)
    local key = ("seen:%s:%s"):format(ev.room_id, ev.user_id)
    if bot.store:get(key) and not ev.redelivered then return end -- cut off before it was said
    bot.store:set(key, true, { ttl = "1d" })
    local names = waiting[ev.room_id]
    if names then
        names[#names + 1] = tostring(ev.member)
        return
    end
    waiting[ev.room_id] = { tostring(ev.member) }
    matrix.sleep(10) -- the handler waits, the room goes on
    welcome(ev.room)
end)
