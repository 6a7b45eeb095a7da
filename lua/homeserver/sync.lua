-- GET /sync: filters, what is new since a position, and long polls.

local host = require "homeserver.host"
local data = require "homeserver.data_ops"
local filters = require "homeserver.filters"
local rooms = require "homeserver.rooms"

local M = { ops = {} }

local passes = filters.passes

-- An event as one device sees it, without its room.
function M.show(server, event, device)
    local unsigned = { age = server:now() - event.origin_server_ts }
    for key, value in pairs(event.unsigned) do unsigned[key] = value end
    if event.device == device then unsigned.transaction_id = event.txn_id end
    return {
        type = event.type, sender = event.sender, content = event.content,
        state_key = event.state_key, event_id = event.event_id, redacts = event.redacts,
        origin_server_ts = event.origin_server_ts, unsigned = unsigned,
    }
end

local function show_all(server, events, device)
    local out = host.array({})
    for _, event in ipairs(events) do out[#out + 1] = M.show(server, event, device) end
    return out
end

-- The membership of a user at a position, and the position of that event.
local function membership_at(room, user_id, position)
    local found, at
    for _, event in ipairs(room.events) do
        if event.position > position then break end
        if event.type == "m.room.member" and event.state_key == user_id then
            found, at = event.content.membership, event.position
        end
    end
    return found, at
end

-- The newest `limit` events in (from, to] that pass, and whether more did.
local function timeline(room, from, to, part)
    local out = {}
    for _, event in ipairs(room.events) do
        if event.position > from and event.position <= to and passes(part, event) then
            out[#out + 1] = event
        end
    end
    local limit = math.max(math.min(part.limit or 10, 100), 1)
    local limited = #out > limit
    if limited then out = { table.unpack(out, #out - limit + 1) } end
    return out, limited
end

-- Up to five others, by whom clients name a room that has no name; nil: it has.
local function heroes(room, user_id)
    if room:get("m.room.name") or room:get("m.room.canonical_alias") then return nil end
    local out = host.array({})
    for _, event in ipairs(room:members()) do
        local membership = event.content.membership
        if event.state_key ~= user_id and #out < 5
            and (membership == "join" or membership == "invite") then
            out[#out + 1] = event.state_key
        end
    end
    return out
end

-- The state a reader needs before those events.
local function state_for(room, events, part, since, whole, user_id, position)
    local out, speakers = {}, { [user_id] = true }
    local start = events[1] and events[1].position - 1 or position
    for _, event in ipairs(events) do speakers[event.sender] = true end
    for _, hero in ipairs(heroes(room, user_id) or {}) do speakers[hero] = true end
    for _, event in ipairs(room:list_state(start)) do
        local lazy = part.lazy_load_members and event.type == "m.room.member"
        if (whole or event.position > since) and passes(part, event)
            and (not lazy or speakers[event.state_key]) then
            out[#out + 1] = event
        end
    end
    return out, start
end

local function joined_room(server, room, device, since, filter, full_state)
    local user_id = device.user_id
    local fresh = since == nil or membership_at(room, user_id, since) ~= "join"
    local from = fresh and 0 or since
    local events, limited = timeline(room, from, server.position, filter.timeline or {})
    local state, start = {}, events[1] and events[1].position - 1 or server.position
    if fresh or limited or full_state then
        state, start = state_for(room, events, filter.state or {}, from, fresh or full_state,
            user_id, server.position)
    end
    local ephemeral = data.ephemeral(room, user_id, since)
    local own_data = data.account_data(server, user_id, room.room_id, since)
    if not fresh and not full_state and #events + #ephemeral + #own_data == 0 then return nil end
    local lazy = (filter.state or {}).lazy_load_members
    return {
        timeline = { events = show_all(server, events, device), limited = limited,
            prev_batch = "t" .. start },
        state = { events = show_all(server, state, device) },
        ephemeral = { events = ephemeral },
        account_data = { events = own_data },
        unread_notifications = { highlight_count = 0, notification_count = 0 },
        summary = lazy and {
            ["m.heroes"] = heroes(room, user_id),
            ["m.joined_member_count"] = #room:members("join"),
            ["m.invited_member_count"] = #room:members("invite"),
        } or {},
    }
end

local function invited_room(server, room, device)
    local out = host.array({})
    for _, event in ipairs(room:list_state()) do
        if event.type == "m.room.create" or event.type == "m.room.name"
            or event.type == "m.room.join_rules" or event.state_key == device.user_id then
            local shown = M.show(server, event, device)
            out[#out + 1] = { type = shown.type, sender = shown.sender,
                content = shown.content, state_key = shown.state_key }
        end
    end
    return { invite_state = { events = out } }
end

local function left_room(server, room, device, since, at, filter)
    local events, limited = timeline(room, since, at, filter.timeline or {})
    return { timeline = { events = show_all(server, events, device), limited = limited },
        state = { events = host.array({}) } }
end

-- The answer as it is now, and whether there is anything in it.
local function answer(server, device, since, filter, full_state)
    local room_filter, found = filter.room or {}, false
    local sections = {}
    local function put(section, room_id, entry)
        if not entry then return end
        sections[section] = sections[section] or {}
        sections[section][room_id] = entry
        found = true
    end
    for _, room in ipairs(server.room_list) do
        local membership, at = membership_at(room, device.user_id, server.position)
        local is_new = at and (since == nil or at > since)
        local wanted = filters.passes_room(room_filter, room.room_id)
        if wanted and membership == "join" then
            put("join", room.room_id,
                joined_room(server, room, device, since, room_filter, full_state))
        elseif wanted and membership == "invite" and is_new then
            put("invite", room.room_id, invited_room(server, room, device))
        elseif wanted and is_new and since and (membership == "leave" or membership == "ban") then
            put("leave", room.room_id, left_room(server, room, device, since, at, room_filter))
        end
    end
    local own_data = data.account_data(server, device.user_id, nil, since)
    local messages = data.to_device(device, since)
    found = found or #own_data + #messages > 0
    return {
        next_batch = "s" .. server.position, rooms = next(sections) and sections,
        account_data = { events = own_data }, to_device = { events = messages },
    }, found
end

local function read_filter(server, text)
    if not text then return {} end
    if text:find("^{") then
        return host.decode(text) or rooms.refuse(400, "M_NOT_JSON", "Invalid filter JSON")
    end
    local filter = server.filters[text]
    if not filter then rooms.refuse(400, "M_INVALID_PARAM", "No such filter") end
    return filter
end

function M.ops.filter(server, request, user_id)
    if user_id ~= request.device.user_id then
        rooms.refuse(403, "M_FORBIDDEN", "Cannot create filters for other users")
    end
    local id = tostring(#server.filter_list + 1)
    table.insert(server.filter_list, request.body)
    server.filters[id] = request.body
    return { filter_id = id }
end

function M.ops.get_filter(server, request, user_id, id)
    if user_id ~= request.device.user_id then
        rooms.refuse(403, "M_FORBIDDEN", "Cannot get filters for other users")
    end
    return server.filters[id] or rooms.refuse(404, "M_NOT_FOUND", "No such filter")
end

-- nil: nothing to tell yet; asked again whenever something happened, until
-- request.due.
function M.ops.sync(server, request)
    local query, since = request.query, nil
    if query.since then
        since = tonumber(query.since:match("^s(%d+)$"))
        if not since then rooms.refuse(400, "M_UNKNOWN", "Invalid stream token") end
    end
    local typing_ends
    for _, room in ipairs(server.room_list) do
        local ends = data.expire(server, room)
        typing_ends = ends and math.min(typing_ends or ends, ends) or typing_ends
    end
    local full_state = query.full_state == "true"
    local filter = read_filter(server, query.filter)
    local body, found = answer(server, request.device, since, filter, full_state)
    request.due = request.due or server:now() + (tonumber(query.timeout) or 0)
    if found or since == nil or server:now() >= request.due then return body end
    request.look = typing_ends
    return nil
end

return M
