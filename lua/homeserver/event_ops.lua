-- Requests about events: sending, redacting, state, reading back.

local host = require "homeserver.host"
local members = require "homeserver.member_ops"
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

function M.redact(server, room, user_id, event_id, reason, more)
    local target = room.by_id[event_id]
    room:require_joined(user_id)
    if not target then rooms.refuse(404, "M_NOT_FOUND", "Could not find event " .. event_id) end
    if target.sender ~= user_id then room:require_power(user_id, room:level("redact")) end
    local event = { redacts = event_id }
    for key, value in pairs(more or {}) do event[key] = value end
    event = M.send(server, room, user_id, "m.room.redaction", { reason = reason }, event)
    if not target.state_key then target.content = {} end
    target.unsigned.redacted_because = { type = event.type, sender = user_id,
        content = event.content, event_id = event.event_id, redacts = event_id,
        origin_server_ts = event.origin_server_ts }
    return event
end

function M.set_state(server, room, user_id, kind, state_key, content)
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

function M.ops.send(server, request, room_id, kind, txn_id)
    local device, room = request.device, server:room(room_id)
    if #request.raw > 65536 then rooms.refuse(413, "M_TOO_LARGE", "event too large") end
    return once(device, ("send\0%s\0%s"):format(room_id, kind), txn_id, function()
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

function M.ops.event(server, request, room_id, event_id)
    local room = server:room(room_id)
    room:require_joined(request.device.user_id)
    local event = room.by_id[event_id]
    if not event then rooms.refuse(404, "M_NOT_FOUND", "Event not found.") end
    return server:full(event, request.device)
end

local function position(text, default)
    if not text then return default end
    return tonumber(text:match("^[st](%d+)$"))
        or rooms.refuse(400, "M_INVALID_PARAM", "Invalid token")
end

function M.ops.messages(server, request, room_id)
    local room, query = server:room(room_id), request.query
    room:require_joined(request.device.user_id)
    local limit = math.min(tonumber(query.limit) or 10, 1000)
    local back = (query.dir or "b") == "b"
    local from = position(query.from, back and server.position or 0)
    local chunk, stop = host.array({}), nil
    local first, last, step = 1, #room.events, 1
    if back then first, last, step = last, first, -1 end
    for i = first, last, step do
        local event = room.events[i]
        local inside = event.position > from
        if back then inside = event.position <= from end
        if inside then
            if #chunk == limit then
                stop = "t" .. (back and event.position or event.position - 1)
                break
            end
            chunk[#chunk + 1] = server:full(event, request.device)
        end
    end
    return { chunk = chunk, start = query.from or "t" .. from, ["end"] = stop }
end

return M
