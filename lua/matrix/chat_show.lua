-- Events as a chat shows them, as lines of text.

local core = ...
local control = core.require("test_world").control
local format = core.require "chat_format"
local logs = core.require "chat_log"

local M = { numbers = false } -- true: each message with its number

local field, plain, style = logs.field, format.plain, format.style

local QUOTED = 30 -- characters

local function inline(text)
    return (plain(text):gsub("%s+", " "))
end

local function name_of(user_id)
    return inline(user_id:match("^@([^:]+):try$") or user_id:match("^@([^:]+):test$") or user_id)
end
M.name_of = name_of

local function indent(text, margin)
    return (text:gsub("\n([^\n])", "\n" .. margin .. "%1"))
end

-- ---- what is no event -------------------------------------------------------------

local function note_of(text)
    return style("dim", "-- " .. indent(plain(text), "   "))
end

function M.note(text)
    core.chat_print(note_of(text))
end

function M.heading(text)
    core.chat_print(style("bold", plain(text)))
end

function M.room_name(room_id)
    local name = (control("get_state", room_id, "m.room.name").content or {}).name
    return inline(name or room_id)
end

function M.room(room_id)
    core.chat_print(style("bold", "== " .. M.room_name(room_id)))
end

-- A line of the log, without its clock, and what is below it: the place in
-- the source and its excerpt.
function M.problem(text, level)
    text = plain(text):gsub("^%d%d:%d%d:%d%d ", ""):gsub("%s+$", "")
    local colour = level == "warn" and "yellow" or "red"
    local first, below = text:match("^([^\n]*)\n?(.*)$")
    local margin = math.huge -- of the excerpt, which is aligned
    for space in below:gmatch("([ ]*)[^\n]*│") do margin = math.min(margin, #space) end
    core.chat_print(style(colour, "!! " .. first))
    for line in below:gmatch("[^\n]+") do
        local in_excerpt = line:find("│", 1, true)
        line = "!!   " .. (in_excerpt and line:sub(margin + 1) or line:gsub("^%s+", ""))
        core.chat_print(line:find("→", 1, true) and style(colour, line) or line)
    end
end

-- What the script printed.
function M.print(text)
    core.chat_print(style("dim", ">> ") .. indent(plain(text), "   "))
end

-- ---- messages -------------------------------------------------------------------

local FILES = { ["m.image"] = "image", ["m.file"] = "file", ["m.audio"] = "audio",
    ["m.video"] = "video" }

local function file_of(content)
    local info, out = content.info, {}
    out[1] = inline(content.filename or content.body)
    if field(info, "mimetype") then out[#out + 1] = inline(info.mimetype) end
    local width, height = field(info, "w"), field(info, "h")
    if math.type(width) == "integer" and math.type(height) == "integer" then
        out[#out + 1] = ("%dx%d"):format(width, height)
    end
    local size = field(info, "size")
    if type(size) == "number" then out[#out + 1] = format.size(size) end
    local text = ("[%s: %s]"):format(FILES[content.msgtype], table.concat(out, ", "))
    local captioned = content.filename and content.filename ~= content.body
    return captioned and ("%s\n%s"):format(text, format.message(content)) or text
end

-- The text of a content, whatever it is.
local function text_of(content)
    if FILES[content.msgtype] then return file_of(content) end
    local text = format.message(content)
    if content.msgtype == "m.location" then
        return ("[location: %s] %s"):format(inline(content.geo_uri), text)
    end
    return text
end

-- The beginning of a text, in one line.
local function beginning(body)
    body = plain(body):match("^[^\n]*")
    if utf8.len(body) > QUOTED then
        body = body:sub(1, utf8.offset(body, QUOTED) - 1) .. "..."
    end
    return body
end

local function number_of(log, event_id)
    local number = M.numbers and log.numbers[event_id]
    return number and ("#%d "):format(number) or ""
end

-- The beginning of what an event says, to point at it.
local function quote(log, event_id)
    local event, content = log.by_id[event_id], log:content(event_id)
    local number = number_of(log, event_id)
    if not content then return number .. (event and "a redacted message" or "a message") end
    return ('%s%s: "%s"'):format(number, name_of(event.sender), beginning(content.body))
end

local function said(event, content)
    local who = name_of(event.sender)
    if content.msgtype == "m.emote" then
        return ("%s %s"):format(style("bold", "* " .. who), text_of(content))
    end
    -- Notices are what bots say: of others it is worth a word, else a style.
    local is_notice = content.msgtype == "m.notice"
    local kind = event.type == "m.sticker" and " (sticker)"
        or is_notice and event.sender ~= core.user_id and " (notice)" or ""
    return ("%s %s"):format(style(is_notice and "dim" or "bold", who .. kind .. ":"),
        text_of(content))
end

local shows = {}

shows["m.room.message"] = function(event, log)
    local kind, target = logs.relation(event)
    local content = event.content
    if not content.body then return ("%s: (redacted)"):format(name_of(event.sender)) end
    local edited = kind == "m.replace"
    if edited then
        local new = content["m.new_content"]
        content = type(new) == "table" and new.body and new or content
    end
    local text = said(event, content) .. (edited and style("dim", " (edited)") or "")
    local replied = not edited and logs.answers(event)
    if replied then
        text = ("%s\n%s"):format(text, style("dim", "↳ " .. quote(log, replied)))
    end
    text = indent(text, "    ")
    local original = edited and log.by_id[target] or event
    local number = number_of(log, original.event_id)
    if number ~= "" then text = style("dim", number) .. text end
    local in_thread, root = logs.relation(original)
    if in_thread ~= "m.thread" then return text end
    local first = log:content(root)
    local label = ("[thread: %s]"):format(first and beginning(first.body) or "?")
    return ("    %s %s"):format(style("dim", label), indent(text, "    "))
end
shows["m.sticker"] = shows["m.room.message"]

shows["m.reaction"] = function(event, log)
    local reaction = log.reactions[event.event_id]
    if not reaction then return nil end
    local count = log:count(reaction.target, reaction.key)
    return ("%s reacted %s to %s%s"):format(style("bold", name_of(event.sender)),
        inline(reaction.key), quote(log, reaction.target),
        count > 1 and (" (%d now)"):format(count) or "")
end

local function because(reason)
    return type(reason) == "string" and reason ~= "" and ": " .. inline(reason) or ""
end

shows["m.room.redaction"] = function(event, log)
    local target, who = log.by_id[event.redacts], name_of(event.sender)
    local reaction = log.reactions[event.redacts]
    if reaction then
        return note_of(("%s took back %s from %s"):format(who, inline(reaction.key),
            quote(log, reaction.target)))
    end
    local number = number_of(log, event.redacts)
    return note_of(("%s redacted %s%s%s"):format(who,
        number ~= "" and number .. "of " or "what ",
        (target and name_of(target.sender) or "nobody") .. (number ~= "" and "" or " sent"),
        because(event.content.reason)))
end

-- ---- state as sentences -----------------------------------------------------------

local words = { join = "joined", leave = "left", invite = "invited", ban = "banned",
    knock = "knocked" }

local function profile_change(event, before)
    local who, name = name_of(event.state_key), event.content.displayname
    if name ~= before.displayname then
        if not name then return ("%s has no display name any more"):format(who) end
        return ("%s is called %s now"):format(who, inline(name))
    end
    if event.content.avatar_url ~= before.avatar_url then
        return ("%s has another picture"):format(who)
    end
end

shows["m.room.member"] = function(event, _, before)
    local membership, was = event.content.membership, before and before.membership
    local who, whom = name_of(event.sender), name_of(event.state_key)
    if membership == "join" and was == "join" then
        local change = profile_change(event, before)
        return change and note_of(change)
    end
    local word = words[membership] or inline(membership)
    if membership == "leave" and who ~= whom then
        word = was == "ban" and "unbanned" or was == "invite" and "took back the invite of"
            or "removed"
    elseif membership == "leave" and was == "invite" then
        word = "declined the invite"
    end
    local text = who == whom and ("%s %s"):format(who, word) or ("%s %s %s"):format(who, word, whom)
    return note_of(text .. because(event.content.reason))
end

local function sentence(text, name)
    return function(event)
        local value = event.content[name]
        return note_of(("%s %s%s"):format(name_of(event.sender), text,
            value ~= nil and ": " .. inline(value) or ""))
    end
end

shows["m.room.topic"] = function(event)
    local topic = event.content.topic
    local empty = topic == nil or topic == ""
    return note_of(("%s %s"):format(name_of(event.sender),
        empty and "removed the topic" or "set the topic: " .. inline(topic)))
end

-- What a room begins with is not news.
local function changed(show)
    return function(event, log, before)
        return before and show(event, log, before)
    end
end

shows["m.room.name"] = changed(sentence("named the room", "name"))
shows["m.room.join_rules"] = changed(sentence("changed who may join", "join_rule"))
shows["m.room.history_visibility"] =
    changed(sentence("changed who may read the past", "history_visibility"))
shows["m.room.guest_access"] = changed(sentence("changed what guests may do", "guest_access"))
shows["m.room.canonical_alias"] = sentence("set the address", "alias")
shows["m.room.avatar"] = sentence("set the room's picture")
shows["m.room.encryption"] = sentence("turned on encryption", "algorithm")
shows["m.room.tombstone"] = sentence("replaced the room", "body")

shows["m.room.power_levels"] = changed(function(event, _, before)
    local old, out = before.users or {}, {}
    for user_id, level in pairs(event.content.users or {}) do
        if old[user_id] ~= level then
            out[#out + 1] = ("gave %s the level %s"):format(name_of(user_id), inline(level))
        end
    end
    for user_id in pairs(old) do
        if (event.content.users or {})[user_id] == nil then
            out[#out + 1] = ("took the level of %s"):format(name_of(user_id))
        end
    end
    table.sort(out)
    if #out == 0 then out[1] = "changed who may do what" end
    return note_of(("%s %s"):format(name_of(event.sender), table.concat(out, ", ")))
end)

shows["m.room.pinned_events"] = function(event, log)
    local pinned = type(event.content.pinned) == "table" and event.content.pinned or {}
    local newest = pinned[#pinned]
    return note_of(("%s changed what is pinned%s"):format(name_of(event.sender),
        newest and ": last " .. quote(log, newest) or ": nothing"))
end

local function other(event)
    if event.type == "m.room.create" then return nil end
    local kind = event.state_key and "set" or "sent"
    return note_of(("%s %s %s (/events shows it)"):format(name_of(event.sender), kind,
        inline(event.type)))
end

-- Text, or nil for what a chat does not show. before: see Log:take.
function M.event(event, log, before)
    return (shows[event.type] or other)(event, log, before)
end

-- A message as it stands by now, for a list.
function M.message(log, event_id)
    local event, content = log.by_id[event_id], log:content(event_id)
    local number = style("dim", ("#%d "):format(log.numbers[event_id]))
    if not content then return number .. name_of(event.sender) .. ": (redacted)" end
    return number .. indent(said(event, content), "    ")
        .. (log.edits[event_id] and style("dim", " (edited)") or "")
end

return M
