-- What a line that begins with "/" does in `lunatrix try`.

local core = ...
local worlds = core.require "test_world"
local control = worlds.control
local show = core.require "chat_show"

local M = {}

-- The last message of the room, of that user when one is named.
local function last(chat, user_id)
    local events = chat.room:events()
    for i = #events, 1, -1 do
        local event = events[i]
        local relates = event.content["m.relates_to"] or {}
        if event.type == "m.room.message" and event.content.body
            and relates.rel_type ~= "m.replace" and (not user_id or event.sender == user_id) then
            return event
        end
    end
    error("there is no message to do that with", 0)
end

local function need(text, what)
    if text == "" then error(("name %s"):format(what), 0) end
    return text
end

local function enter(chat)
    if chat.room:membership(chat.user_id) ~= "join" then chat.room:join(chat.user_id) end
end

local function find_room(name)
    for _, room_id in ipairs(control("rooms")) do
        local content = control("get_state", room_id, "m.room.name").content or {}
        if room_id == name or content.name == name then return room_id end
    end
end

-- In the order of /help.
local list = {
    { "as", "@USER:SERVER", "be that person, who joins the room", function(chat, user_id)
        if not user_id:find("^@[^%s:]+:[^%s]+$") then
            error("name a person, as in /as @bob:try", 0)
        end
        chat.user_id = user_id
        enter(chat)
    end },
    { "join", "NAME", "go to that room; a new one has the bot in it", function(chat, name)
        local room_id = find_room(need(name, "a room"))
        if room_id then
            chat.room = worlds.room_of(chat.world, room_id)
            enter(chat)
        else
            chat:open(name, {})
        end
    end },
    { "dm", "", "go to a direct chat with the bot", function(chat)
        chat:open("direct", { direct = true })
    end },
    { "leave", "", "leave the room", function(chat) chat.room:leave(chat.user_id) end },
    { "react", "EMOJI", "to the last message", function(chat, key)
        chat.room:react(chat.user_id, last(chat), need(key, "an emoji"))
    end },
    { "reply", "TEXT", "to the last message", function(chat, text)
        chat.room:say(chat.user_id, need(text, "a text"),
            { ["m.relates_to"] = { ["m.in_reply_to"] = { event_id = last(chat).event_id } } })
    end },
    { "edit", "TEXT", "your last message", function(chat, text)
        chat.room:edit(chat.user_id, last(chat, chat.user_id), need(text, "a text"))
    end },
    { "redact", "", "your last message", function(chat)
        chat.room:redact(chat.user_id, last(chat, chat.user_id))
    end },
    { "time", "+2h", "let time pass", function(chat, text)
        chat.world:advance(need(text, "a duration"):match("^%+?(.*)$"))
    end },
    { "store", "", "what the bot has stored", function(chat)
        local values, keys = chat.world:store(), {}
        for key in pairs(values) do keys[#keys + 1] = key end
        table.sort(keys)
        for _, key in ipairs(keys) do
            show.note(("%s = %s"):format(key, core.json_encode(values[key])))
        end
        if #keys == 0 then show.note("nothing stored") end
    end },
    { "events", "", "the room's events as JSON", function(chat)
        for _, event in ipairs(chat.room:events()) do core.chat_print(core.json_encode(event)) end
    end },
    { "reload", "", "load the script again", function(chat) chat:reload() end },
    { "quit", "", "end", function(chat) chat.done = true end },
}

local by_name = {}
for _, row in ipairs(list) do by_name[row[1]] = { run = row[4] } end

by_name.help = { run = function()
    for _, row in ipairs(list) do
        show.note(("%-20s %s"):format(("/%s %s"):format(row[1], row[2]), row[3]))
    end
    show.note("anything else is said; //text says a text that begins with /")
end }

function M.find(name)
    return by_name[name]
end

-- ---- Tab ------------------------------------------------------------------------

local function rooms()
    local found = {}
    for _, room_id in ipairs(control("rooms")) do
        found[#found + 1] = (control("get_state", room_id, "m.room.name").content or {}).name
    end
    return found
end

-- Everybody who was seen in some room.
local function users()
    local found, seen = {}, {}
    for _, room_id in ipairs(control("rooms")) do
        for _, event in ipairs(control("timeline", room_id)) do
            for _, id in ipairs({ event.sender, event.state_key or "" }) do
                if not seen[id] and id:find("^@") then
                    seen[id] = true
                    found[#found + 1] = id .. " "
                end
            end
        end
    end
    return found
end

local function names()
    local found = { "/help " }
    for _, row in ipairs(list) do found[#found + 1] = ("/%s "):format(row[1]) end
    return found
end

-- Where in `text` the word at its end begins, and what it may become.
function M.complete(text)
    local start, words = text:match("()%S*$"), {}
    local choices = text:find("^/%a*$") and names()
        or text:find("^/join%s") and rooms()
        or text:find("@", start, true) == start and users() or {}
    if text:find("^/join%s") then start = text:match("^/join%s+()") end
    for _, choice in ipairs(choices) do
        if choice:sub(1, #text - start + 1) == text:sub(start) then words[#words + 1] = choice end
    end
    table.sort(words)
    return start, words
end

return M
