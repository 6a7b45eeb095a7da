-- Requests about events: sending, redacting, state, reading back.

local host = require "homeserver.host"
local members = require "homeserver.member_ops"
local relations = require "homeserver.relations"
local rooms = require "homeserver.rooms"

local M = { ops = {} }

-- Sends as a user who must be allowed to; gives back the event.
function M.send(server, room, user_id, kind, content, more)
    room:require_joined(user_id)
    room:require_power(user_id, room:needed(kind, false))
    local event = { type = kind, sender = user_id, content = content }
    for key, value in pairs(more or {}) do event[key] = value end
    return server:add(room, event)
end

-- Servers take the redaction of what they do not know as well.
function M.redact(server, room, user_id, event_id, reason, more)
    local target = room.by_id[event_id]
    room:require_joined(user_id)
    if target and target.sender ~= user_id then
        room:require_power(user_id, room:level("redact"))
    end
    local event = { redacts = event_id }
    for key, value in pairs(more or {}) do event[key] = value end
    event = M.send(server, room, user_id, "m.room.redaction",
        { reason = reason, redacts = event_id }, event)
    if not target then return event end
    if target.unsigned.redacted_because then return event end
    target.content = rooms.redacted(target)
    target.unsigned.redacted_because = { type = event.type, sender = user_id,
        content = event.content, event_id = event.event_id, redacts = event_id,
        origin_server_ts = event.origin_server_ts }
    return event
end

local function same(a, b)
    if type(a) ~= "table" or type(b) ~= "table" then return a == b end
    for key, value in pairs(a) do
        if not same(value, b[key]) then return false end
    end
    for key in pairs(b) do
        if a[key] == nil then return false end
    end
    return true
end

local function check_levels(content)
    for _, value in pairs(content.users or {}) do
        if math.type(value) ~= "integer" then
            rooms.refuse(400, "M_BAD_JSON", "power levels must be integers")
        end
    end
end

function M.set_state(server, room, user_id, kind, state_key, content)
    if kind == "m.room.power_levels" then check_levels(content) end
    local before = room:get(kind, state_key)
    if before and before.sender == user_id and same(before.content, content) then
        return before -- nothing new
    end
    if kind == "m.room.member" then
        return members.change(server, room, user_id, state_key, content.membership, content)
    end
    room:require_joined(user_id)
    room:require_power(user_id, room:needed(kind, true))
    if state_key:find("^@") and state_key ~= user_id then
        rooms.refuse(403, "M_FORBIDDEN", "You are not allowed to set others state")
    end
    return server:add(room, { type = kind, sender = user_id, content = content,
        state_key = state_key })
end

-- Acts once per device, endpoint and transaction; the same answer each time.
local function once(device, endpoint, txn_id, act)
    local key = endpoint .. "\0" .. txn_id
    if not device.done[key] then device.done[key] = act().event_id end
    return { event_id = device.done[key] }
end

local function require_object(request)
    if request.raw:find("^%s*%[") then
        rooms.refuse(400, "M_BAD_JSON", "Content must be a JSON object.")
    end
end

function M.ops.send(server, request, room_id, kind, txn_id)
    local device, room = request.device, server:room(room_id)
    require_object(request)
    if #request.raw > 65536 then rooms.refuse(413, "M_TOO_LARGE", "event too large") end
    return once(device, "send\0" .. room_id, txn_id, function()
        relations.check(room, device.user_id, kind, request.body)
        return M.send(server, room, device.user_id, kind, request.body,
            { device = device, txn_id = txn_id })
    end)
end

function M.ops.redact(server, request, room_id, event_id, txn_id)
    local device, room = request.device, server:room(room_id)
    return once(device, ("redact\0%s\0%s"):format(room_id, event_id), txn_id, function()
        return M.redact(server, room, device.user_id, event_id, request.body.reason,
            { device = device, txn_id = txn_id })
    end)
end

function M.ops.state(server, request, room_id, kind, state_key)
    require_object(request)
    local event = M.set_state(server, server:room(room_id), request.device.user_id, kind,
        state_key or "", request.body)
    return { event_id = event.event_id }
end

function M.ops.get_state(server, request, room_id, kind, state_key)
    local room = server:room(room_id)
    room:require_joined(request.device.user_id)
    local event = room:get(kind, state_key)
    if not event then rooms.refuse(404, "M_NOT_FOUND", "Event not found.") end
    return event.content
end

function M.ops.get_states(server, request, room_id)
    local room, out = server:room(room_id), host.array({})
    room:require_joined(request.device.user_id)
    for _, event in ipairs(room:list_state()) do
        out[#out + 1] = server:full(event, request.device)
    end
    return out
end

return M
