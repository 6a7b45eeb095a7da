-- What is not in a timeline: account data, receipts, who is typing, messages to
-- devices. Each has the position at which it changed, as events have.

local host = require "homeserver.host"
local rooms = require "homeserver.rooms"

local M = { ops = {} }

local function next_position(server)
    server.position = server.position + 1
    return server.position
end

-- What is newer than since, in order: list of values.
local function newer(map, since)
    local found = {}
    for _, item in pairs(map or {}) do
        if item.position > (since or 0) then found[#found + 1] = item end
    end
    table.sort(found, function(a, b) return a.position < b.position end)
    return found
end

-- ---- account data ----------------------------------------------------------

local function own(server, request, user_id)
    if request.device.user_id ~= user_id then
        rooms.refuse(403, "M_FORBIDDEN", "Cannot access account data for other users.")
    end
    local user = server.users[user_id]
    user.data = user.data or {}
    return user
end

local MANAGED = { ["m.fully_read"] = true, ["m.push_rules"] = true }

local function of_room(user, room_id)
    local key = room_id or ""
    user.data[key] = user.data[key] or {}
    return user.data[key]
end

local function put(server, user, room_id, kind, content)
    of_room(user, room_id)[kind] = {
        type = kind, content = content, position = next_position(server),
    }
end

local function set(server, request, user_id, room_id, kind)
    local user = own(server, request, user_id)
    if MANAGED[kind] then
        rooms.refuse(405, "M_BAD_JSON", ("Cannot set %s through this API."):format(kind))
    end
    put(server, user, room_id, kind, request.body)
    return {}
end

local function get(server, request, user_id, room_id, kind)
    local item = of_room(own(server, request, user_id), room_id)[kind]
    if not item then rooms.refuse(404, "M_NOT_FOUND", "Account data not found") end
    return item.content
end

function M.ops.set_data(server, request, user_id, kind)
    return set(server, request, user_id, nil, kind)
end

function M.ops.get_data(server, request, user_id, kind)
    return get(server, request, user_id, nil, kind)
end

M.ops.set_room_data, M.ops.get_room_data = set, get

-- Account data of a room (nil: none) for /sync.
function M.account_data(server, user_id, room_id, since)
    local user, out = server.users[user_id], host.array({})
    if not user or not user.data then return out end
    for i, item in ipairs(newer(user.data[room_id or ""], since)) do
        out[i] = { type = item.type, content = item.content }
    end
    return out
end

-- ---- receipts ----------------------------------------------------------------

local RECEIPTS = { ["m.read"] = true, ["m.read.private"] = true, ["m.fully_read"] = true }

local function mark(server, room, user_id, kind, event_id)
    if kind == "m.fully_read" then
        local user = server.users[user_id]
        user.data = user.data or {}
        return put(server, user, room.room_id, kind, { event_id = event_id })
    end
    room.receipts = room.receipts or {}
    room.receipts[kind .. user_id] = {
        kind = kind, user_id = user_id, event_id = event_id, ts = server:now(),
        position = next_position(server),
    }
end

function M.ops.receipt(server, request, room_id, kind, event_id)
    local room = server:room(room_id)
    room:require_joined(request.device.user_id)
    if not RECEIPTS[kind] then
        rooms.refuse(400, "M_UNKNOWN", "Receipt type must be one of m.read, m.read.private")
    end
    mark(server, room, request.device.user_id, kind, event_id)
    return {}
end

function M.ops.read_markers(server, request, room_id)
    local room = server:room(room_id)
    room:require_joined(request.device.user_id)
    for kind, event_id in pairs(request.body) do
        if RECEIPTS[kind] then mark(server, room, request.device.user_id, kind, event_id) end
    end
    return {}
end

-- ---- typing ------------------------------------------------------------------

function M.ops.typing(server, request, room_id, user_id)
    local room = server:room(room_id)
    if user_id ~= request.device.user_id then
        rooms.refuse(400, "M_FORBIDDEN", "Cannot set another user's typing state")
    end
    room:require_joined(user_id)
    room.typing = room.typing or { users = {} }
    local until_ms = request.body.typing and server:now() + (request.body.timeout or 30000)
    room.typing.users[user_id] = until_ms or nil
    room.typing.position = next_position(server)
    return {}
end

-- Ends what was not renewed. When the next one ends; nil: nobody types.
function M.expire(server, room)
    local due
    for user_id, until_ms in pairs(room.typing and room.typing.users or {}) do
        if until_ms <= server:now() then
            room.typing.users[user_id] = nil
            room.typing.position = next_position(server)
        else
            due = math.min(due or until_ms, until_ms)
        end
    end
    return due
end

-- m.receipt and m.typing for /sync.
function M.ephemeral(room, user_id, since)
    local out, content = host.array({}), {}
    for _, item in ipairs(newer(room.receipts, since)) do
        if item.kind ~= "m.read.private" or item.user_id == user_id then
            local of_event = content[item.event_id] or {}
            of_event[item.kind] = of_event[item.kind] or {}
            of_event[item.kind][item.user_id] = { ts = item.ts }
            content[item.event_id] = of_event
        end
    end
    if next(content) then out[1] = { type = "m.receipt", content = content } end
    if room.typing and room.typing.position > (since or 0) then
        local users = host.array({})
        for id in pairs(room.typing.users) do users[#users + 1] = id end
        table.sort(users)
        if since or #users > 0 then
            out[#out + 1] = { type = "m.typing", content = { user_ids = users } }
        end
    end
    return out
end

-- ---- to devices ---------------------------------------------------------------

local function deliver(server, device, message)
    device.messages = device.messages or {}
    table.insert(device.messages, { position = next_position(server), message = message })
end

function M.ops.to_device(server, request, kind, txn_id)
    local sender = request.device
    local key = "to_device\0" .. kind .. "\0" .. txn_id
    if sender.done[key] then return {} end
    sender.done[key] = true
    for user_id, of_devices in pairs(request.body.messages or {}) do
        local user = server.users[user_id] or { devices = {} }
        for device_id, content in pairs(of_devices) do
            local message = { type = kind, sender = sender.user_id, content = content }
            for id, device in pairs(user.devices) do
                if device_id == "*" or id == device_id then deliver(server, device, message) end
            end
        end
    end
    return {}
end

-- What waits for a device; since: what it has seen is dropped.
function M.to_device(device, since)
    local out, kept = host.array({}), {}
    for _, item in ipairs(device.messages or {}) do
        if item.position > (since or 0) then
            kept[#kept + 1] = item
            out[#out + 1] = item.message
        end
    end
    device.messages = kept
    return out
end

return M
