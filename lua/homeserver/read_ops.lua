-- Requests that read events back.

local host = require "homeserver.host"
local relations = require "homeserver.relations"
local rooms = require "homeserver.rooms"
local filters = require "homeserver.filters"

local M = { ops = {} }

-- The last position that a user may see: all, or up to when they left.
local function last_seen(room, user_id)
    local member = room:get("m.room.member", user_id)
    if not member then return 0 end
    if member.content.membership == "join" then return math.huge end
    local left, was_in = 0, false
    for _, event in ipairs(room.events) do
        if event.type == "m.room.member" and event.state_key == user_id then
            if was_in then left = event.position end
            was_in = event.content.membership == "join"
        end
    end
    return left
end

local function find(server, request, room_id, event_id)
    local room = server:room(room_id)
    local event = room.by_id[event_id]
    if not event or event.position > last_seen(room, request.device.user_id) then
        rooms.refuse(404, "M_NOT_FOUND", "Event not found.")
    end
    return event, room
end

function M.ops.event(server, request, room_id, event_id)
    return server:full((find(server, request, room_id, event_id)), request.device)
end

local function position(text, default)
    if not text then return default end
    return tonumber(text:match("^[st](%d+)$"))
        or rooms.refuse(400, "M_UNKNOWN", "Invalid token")
end

local function direction(query)
    local dir = query.dir or "b"
    if dir ~= "b" and dir ~= "f" then
        rooms.refuse(400, "M_INVALID_PARAM", "Query parameter 'dir' must be one of ['b', 'f']")
    end
    return dir == "b"
end

-- A page of a list that is in order of position. from: nil at an end.
local function page(events, from, limit, back)
    local chunk, stop = {}, nil
    local first, last, step = 1, #events, 1
    if back then first, last, step = last, first, -1 end
    for i = first, last, step do
        local event = events[i]
        local inside = not from or event.position > from
        if back then inside = not from or event.position <= from end
        if inside then
            if #chunk == limit then
                stop = "t" .. (back and event.position or event.position - 1)
                break
            end
            chunk[#chunk + 1] = event
        end
    end
    return chunk, stop
end

local function show(server, request, events)
    local out = host.array({})
    for i, event in ipairs(events) do out[i] = server:full(event, request.device) end
    return out
end

local function passing(room, filter)
    local out = {}
    for _, event in ipairs(room.events) do
        if filters.passes(filter, event) then out[#out + 1] = event end
    end
    return out
end

function M.ops.messages(server, request, room_id)
    local room, query = server:room(room_id), request.query
    room:require_joined(request.device.user_id)
    local back = direction(query)
    local from = position(query.from, nil)
    local filter = query.filter and host.decode(query.filter) or {}
    local limit = math.min(tonumber(query.limit) or 10, 1000)
    local chunk = page(passing(room, filter), from, limit, back)
    -- The end of the room is told by an empty page.
    local last = chunk[#chunk]
    local stop = last and "t" .. (back and last.position - 1 or last.position)
    return { chunk = show(server, request, chunk), start = query.from or "t" .. server.position,
        ["end"] = stop }
end

function M.ops.context(server, request, room_id, event_id)
    server:room(room_id):require_joined(request.device.user_id)
    local event, room = find(server, request, room_id, event_id)
    local limit = tonumber(request.query.limit) or 10
    local before = page(room.events, event.position - 1, limit // 2, true)
    local after = page(room.events, event.position, limit - limit // 2, false)
    return {
        event = server:full(event, request.device),
        events_before = show(server, request, before),
        events_after = show(server, request, after),
        start = "t" .. (before[#before] or event).position - 1,
        ["end"] = "t" .. (after[#after] or event).position,
        state = show(server, request, room:list_state()),
    }
end

function M.ops.relations(server, request, room_id, event_id, rel_type, kind)
    local room, query = server:room(room_id), request.query
    room:require_joined(request.device.user_id)
    if not room.by_id[event_id] then
        rooms.refuse(404, "M_UNKNOWN", "Unknown parent event.")
    end
    local found = relations.to(room, event_id, rel_type, kind)
    local chunk, stop = page(found, position(query.from, nil), tonumber(query.limit) or 5,
        direction(query))
    return { chunk = show(server, request, chunk), next_batch = stop }
end

return M
