-- Events as a chat shows them, as lines of text.

local core = ...
local control = core.require("test_world").control

local M = {}

-- What others wrote must not steer the terminal.
local function plain(text)
    return (tostring(text):gsub("[\0-\8\11-\31\127]", "?"):gsub("\n", "\n    "))
end

local function name_of(user_id)
    return plain(user_id:match("^@([^:]+):try$") or user_id:match("^@([^:]+):test$") or user_id)
end
M.name_of = name_of

function M.note(text)
    core.chat_print("-- " .. text)
end

function M.room(room_id)
    local name = (control("get_state", room_id, "m.room.name").content or {}).name
    core.chat_print(("== %s"):format(plain(name or room_id)))
end

-- A line of the log, which has the place in the source, without its clock.
function M.problem(text)
    text = plain(text):gsub("^%d%d:%d%d:%d%d ", "")
    core.chat_print("!! " .. text:gsub("\n%s*", "\n!!   "))
end

-- ---- events ---------------------------------------------------------------------

local function body_of(event)
    local content = event.content["m.new_content"] or event.content
    return content.body
end

local function find(events, event_id)
    for _, event in ipairs(events) do
        if event.event_id == event_id then return event end
    end
end

-- The beginning of what an event says, to point at it.
local function quote(events, event_id)
    local event = find(events, event_id)
    local body = event and body_of(event)
    if not body then return "a message" end
    body = body:match("^[^\n]*")
    if utf8.len(body) and utf8.len(body) > 30 then
        body = body:sub(1, utf8.offset(body, 30) - 1) .. "..."
    end
    return ('%s: "%s"'):format(name_of(event.sender), plain(body))
end

local shows = {}

shows["m.room.message"] = function(event, events)
    local relates = event.content["m.relates_to"] or {}
    local reply = (relates["m.in_reply_to"] or {}).event_id
    local who, body = name_of(event.sender), body_of(event)
    if not body then return ("%s: (redacted)"):format(who) end
    if event.content.msgtype == "m.emote" then
        who, body = "* " .. who, plain(body)
        return who .. " " .. body
    end
    local text = ("%s: %s"):format(who, plain(body))
    if relates.rel_type == "m.replace" then return text .. " (edited)" end
    if not reply then return text end
    return ("%s\n    ↳ %s"):format(text, quote(events, reply))
end

shows["m.reaction"] = function(event, events)
    local relates = event.content["m.relates_to"]
    if not relates then return nil end
    return ("%s reacted %s to %s"):format(name_of(event.sender), plain(relates.key),
        quote(events, relates.event_id))
end

shows["m.room.redaction"] = function(event, events)
    local target = find(events, event.redacts)
    local what = target and name_of(target.sender) or "nobody"
    return ("-- %s redacted what %s sent"):format(name_of(event.sender), what)
end

local words = { join = "joined", leave = "left", invite = "invited", ban = "banned",
    knock = "knocked" }

shows["m.room.member"] = function(event)
    local membership = event.content.membership
    local who, whom = name_of(event.sender), name_of(event.state_key)
    if membership == "leave" and who ~= whom then
        return ("-- %s removed %s"):format(who, whom)
    end
    local word = words[membership] or plain(membership)
    if who == whom then return ("-- %s %s"):format(who, word) end
    return ("-- %s %s %s"):format(who, word, whom)
end

shows["m.room.topic"] = function(event)
    return ("-- %s set the topic: %s"):format(name_of(event.sender), plain(event.content.topic))
end

-- Text, or nil for what a chat does not show.
function M.event(event, events)
    return shows[event.type] and shows[event.type](event, events)
end

return M
