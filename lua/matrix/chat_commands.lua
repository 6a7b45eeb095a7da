-- What a line that begins with "/" does in `lunatrix try`.

local core = ...
local worlds = core.require "test_world"
local control = worlds.control
local files = core.require "chat_file"
local format = core.require "chat_format"
local show = core.require "chat_show"
local suggest = core.require "suggest"
local time = core.require "time"

local MOST_DAYS = 366

local M = {}

local function fail(text, ...)
    error(text:format(...), 0)
end

local function need(text, what)
    if text == "" then fail("name %s", what) end
    return text
end

-- ---- people and rooms -----------------------------------------------------------

local function person(text)
    if text == "bot" or text == "@bot" then return core.user_id end
    local user_id = text:find(":", 1, true) and text or ("@%s:try"):format((text:gsub("^@", "")))
    if not user_id:find("^@[%w._=/+-]+:[%w.:%[%]-]+$") then
        fail("'%s' is nobody; name a person, as in @bob:try", text)
    end
    return user_id
end

local function enter(chat)
    if chat.room:membership(chat.user_id) ~= "join" then chat.room:join(chat.user_id) end
end

local function need_in(chat)
    if chat.room:membership(chat.user_id) == "join" then return end
    fail("%s left this room; /join %s goes in again", show.name_of(chat.user_id),
        show.room_name(chat.room.room_id))
end

local function each_room(fn)
    for _, room_id in ipairs(control("rooms")) do
        local content = control("get_state", room_id, "m.room.name").content or {}
        local found = fn(room_id, content.name or room_id)
        if found then return found end
    end
end

local function find_room(name)
    return each_room(function(room_id, its_name)
        return (room_id == name or its_name == name) and room_id
    end)
end

local function go(chat, room_id)
    chat.room = worlds.room_of(chat.world, room_id)
    enter(chat)
end

local function switch(chat, name)
    local room_id = find_room(need(name, "a room; /rooms lists them"))
    if room_id then return go(chat, room_id) end
    local names = {}
    each_room(function(_, its_name) names[#names + 1] = its_name end)
    fail("there is no room '%s'%s; /join %s makes it", name, suggest.hint(name, names), name)
end

-- The state of a room, changed by whoever made it.
local function change_power(chat, text)
    local who, level = text:match("^(%S-)%s*(%-?%d+)$")
    level = math.tointeger(level)
    if not level then fail("name a level, as in /power 50 or /power @bob:try 50") end
    local content = chat.room:state("m.room.power_levels")
    content.users[who == "" and core.user_id or person(who)] = level
    chat.room:state("m.room.power_levels", content)
end

local function list_rooms(chat)
    each_room(function(room_id, name)
        local members = {}
        for _, event in ipairs(control("timeline", room_id)) do
            if event.type == "m.room.member" then
                members[event.state_key] = event.content.membership == "join" or nil
            end
        end
        local out = {}
        for user_id in pairs(members) do out[#out + 1] = show.name_of(user_id) end
        table.sort(out)
        show.note(("%s %s (%s)"):format(room_id == chat.room.room_id and "*" or " ", name,
            table.concat(out, ", ")))
    end)
end

-- ---- messages -------------------------------------------------------------------

-- "#3 TEXT": that message of this room and TEXT. Without a number the last
-- one, of that person when one is named.
local function pick(chat, text, user_id)
    local log = chat:log_of(chat.room.room_id)
    local number, rest = text:match("^#(%d+)%s*(.*)$")
    if not number then
        local event = log:last(user_id)
        if not event then fail("there is no message to do that with") end
        return event, text
    end
    local event = log.by_id[log.ids[math.tointeger(number)]]
    if not event then fail("there is no message #%s here; /messages lists them", number) end
    return event, rest
end

-- The same, with something after it.
local function pick_with(chat, text, what, user_id)
    need_in(chat)
    local event, rest = pick(chat, text, user_id)
    return event, need(rest, what)
end

local function answer(chat, text)
    local event, body = pick_with(chat, text, "a text")
    local root = chat:log_of(chat.room.room_id):thread(event)
    local relates = { ["m.in_reply_to"] = { event_id = event.event_id } }
    if root ~= event then
        relates.rel_type, relates.event_id, relates.is_falling_back =
            "m.thread", root.event_id, false
    end
    chat.room:say(chat.user_id, body, { ["m.relates_to"] = relates })
end

local function say_in_thread(chat, text)
    local event, body = pick_with(chat, text, "a text")
    local root = chat:log_of(chat.room.room_id):thread(event)
    chat.room:say(chat.user_id, body, { ["m.relates_to"] = {
        rel_type = "m.thread", event_id = root.event_id, is_falling_back = true,
        ["m.in_reply_to"] = { event_id = event.event_id },
    } })
end

local function edit(chat, text)
    local event, body = pick_with(chat, text, "the new text", chat.user_id)
    if event.sender ~= chat.user_id then
        fail("only %s can edit that", event.sender)
    end
    chat.room:edit(chat.user_id, event, body)
end

local function redact(chat, text)
    need_in(chat)
    local event, reason = pick(chat, text, chat.user_id)
    chat.room:redact(chat.user_id, event, reason ~= "" and reason or nil)
end

local function send_file(chat, text, only_image)
    need_in(chat)
    local bytes, content = files.read(need(text, "a file"), only_image)
    local hex = bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end)
    content.url = control("upload", content.info.mimetype, content.filename, hex).content_uri
    chat.room:say(chat.user_id, content.body, content)
end

local function list_messages(chat)
    local log = chat:log_of(chat.room.room_id)
    for _, event_id in ipairs(log.ids) do core.chat_print(show.message(log, event_id)) end
    if #log.ids == 0 then show.note("nothing was said here yet") end
end

-- ---- the bot --------------------------------------------------------------------

-- In steps, so that what happens is shown as it does, and Ctrl-C ends it.
local function pass_time(chat, text)
    local duration = need(text, "a duration, as in /time +2h"):match("^%+?%s*(.*)$")
    local seconds = time.parse(duration)
    if not seconds then fail("'%s' is no duration; say 30s, 5m, 2h, 1d or 1h30m", duration) end
    if seconds > MOST_DAYS * 86400 then fail("no more than %d days at once", MOST_DAYS) end
    local left = math.tointeger(seconds * 1000 // 1)
    while left > 0 do
        local step = math.min(left, 3600 * 1000)
        core.world_advance(step)
        left = left - step
        chat:show_news()
        if core.chat_interrupted() then
            fail("interrupted, %s before the end", time.format(left / 1000))
        end
    end
end

local function list_store(chat)
    local values, keys = chat.world:store(), {}
    for key in pairs(values) do keys[#keys + 1] = key end
    table.sort(keys)
    for _, key in ipairs(keys) do
        show.note(("%s = %s"):format(key, core.json_encode(values[key])))
    end
    if #keys == 0 then show.note("nothing stored") end
end

local function list_events(chat, text)
    local count = math.tointeger(text == "" and math.maxinteger or text)
    if not count or count < 1 then fail("'%s' is no number of events", text) end
    local events = chat.room:events()
    for i = math.max(1, #events - count + 1), #events do
        core.chat_print(format.plain(core.json_encode(events[i])))
    end
end

-- ---- web hooks ------------------------------------------------------------------

-- Signed as the script wants it.
local function call_webhook(chat, text)
    local name, file = need(text, "a web hook"):match("^(%S+)%s*(.-)%s*$")
    local headers, body = {}, nil
    if file ~= "" then
        local opened, why = io.open(file, "rb")
        if not opened then fail("%s", why) end
        body = opened:read("a")
        opened:close()
        headers = { ["content-type"] = "application/json", ["x-github-event"] = "push",
            ["x-gitlab-event"] = "Push Hook" }
    end
    local reply = chat.world:webhook(name, { body = body, headers = headers })
    show.note((("%d %s"):format(reply.status, reply.body):gsub(" $", "")))
end

-- ---- the list -------------------------------------------------------------------

-- In the order of /help: a title, or name, arguments, what it does, how.
local list = {
    { title = "People and rooms" },
    { "as", "@USER:SERVER", "be that person, who joins the room", function(chat, text)
        if text == "" then return show.note("you are " .. chat.user_id) end
        chat.user_id = person(text)
        enter(chat)
    end },
    { "rooms", "", "the rooms, and who is in them", list_rooms },
    { "room", "NAME", "go to that room", switch },
    { "join", "NAME", "go to that room; a new one has the bot in it", function(chat, name)
        local room_id = find_room(need(name, "a room"))
        if room_id then
            go(chat, room_id)
        else
            chat:open(name, {})
        end
    end },
    { "dm", "", "go to your direct chat with the bot", function(chat)
        local room_id = chat.direct[chat.user_id]
        if room_id then return go(chat, room_id) end
        chat:open("direct", { direct = true })
        chat.direct[chat.user_id] = chat.room.room_id
    end },
    { "invite", "@USER:SERVER", "into this room; nobody named: the bot", function(chat, text)
        need_in(chat)
        local user_id = text == "" and core.user_id or person(text)
        if chat.room:membership(user_id) == "join" then
            fail("%s is here already", show.name_of(user_id))
        end
        chat.room:invite(chat.user_id, user_id)
    end },
    { "power", "[@USER] LEVEL", "what they may do; nobody named: the bot", change_power },
    { "topic", "TEXT", "set the room's topic", function(chat, text)
        chat.room:state("m.room.topic", { topic = text })
    end },
    { "leave", "", "leave the room", function(chat)
        need_in(chat)
        chat.room:leave(chat.user_id)
    end },
    { title = "Messages (MESSAGE is #3, the third of this room, or nothing: the last)" },
    { "messages", "", "what was said here, with numbers", list_messages },
    { "reply", "[MESSAGE] TEXT", "answer a message", answer },
    { "thread", "[MESSAGE] TEXT", "say it in the thread of a message", say_in_thread },
    { "react", "[MESSAGE] EMOJI", "react to a message", function(chat, text)
        local event, key = pick_with(chat, text, "an emoji")
        chat.room:react(chat.user_id, event, key)
    end },
    { "edit", "[MESSAGE] TEXT", "change a message of yours", edit },
    { "redact", "[MESSAGE] [REASON]", "take a message back, yours when none is named", redact },
    { "me", "TEXT", "say what you do, as an emote", function(chat, text)
        need_in(chat)
        chat.room:say(chat.user_id, need(text, "what you do"), { msgtype = "m.emote" })
    end },
    { "image", "FILE [CAPTION]", "send a picture", function(chat, text)
        send_file(chat, text, true)
    end },
    { "file", "FILE [CAPTION]", "send any file", send_file },
    { title = "The bot" },
    { "time", "+2h", "let time pass", pass_time },
    { "store", "", "what the bot has stored", list_store },
    { "events", "[COUNT]", "the room's events as JSON, the last ones", list_events },
    { "webhook", "NAME [FILE]", "call a web hook with that file's content", call_webhook },
    { "reload", "", "load the script again", function(chat) chat:reload() end },
    { title = "This chat" },
    { "help", "[COMMAND]", "this list" },
    { "quit", "", "end, as Ctrl-D does", function(chat) chat.done = true end },
}

local by_name = {}
for _, row in ipairs(list) do
    if row[1] then by_name[row[1]] = row end
end

local function line_of(row)
    return ("  %-26s %s"):format(("/%s %s"):format(row[1], row[2]), row[3])
end

-- The row of a command, or an error with the one that was perhaps meant.
local function find(name)
    local row = by_name[name]
    if row then return row end
    local near = suggest.nearest(name, by_name)
    return fail("there is no /%s%s; see /help", name,
        near and (", did you mean /%s?"):format(near) or "")
end

by_name.help[4] = function(_, text)
    if text ~= "" then return core.chat_print(line_of(find((text:gsub("^/", ""))))) end
    for _, row in ipairs(list) do
        if row.title then
            show.heading(row.title)
        else
            core.chat_print(line_of(row))
        end
    end
    core.chat_print("Anything else is said; //text says a text that begins with /")
end

function M.run(chat, name, rest)
    find(name)[4](chat, rest)
end

function M.say(chat, text)
    need_in(chat)
    return chat.room:say(chat.user_id, text)
end

-- ---- Tab ------------------------------------------------------------------------

local function rooms()
    local found = {}
    each_room(function(_, name) found[#found + 1] = name end)
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
    local found = {}
    for name in pairs(by_name) do found[#found + 1] = ("/%s "):format(name) end
    return found
end

-- Where in `text` the word at its end begins, and what it may become.
function M.complete(text)
    local start, words = text:match("()%S*$"), {}
    local room = text:match("^/join%s+()") or text:match("^/room%s+()")
    local choices = text:find("^/%a*$") and names() or room and rooms()
        or text:find("@", start, true) == start and users() or {}
    start = room or start -- a name may have spaces
    for _, choice in ipairs(choices) do
        if choice:sub(1, #text - start + 1) == text:sub(start) then words[#words + 1] = choice end
    end
    table.sort(words)
    return start, words
end

return M
