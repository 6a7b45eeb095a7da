-- Requests about who is in a room, and creating one.

local host = require "homeserver.host"
local rooms = require "homeserver.rooms"

local M = { ops = {} }

-- Makes target's membership that, as actor, where the rules allow it.
function M.change(server, room, actor, target, membership, more)
    room:require_member_change(actor, target, membership)
    local content = { membership = membership }
    local user = server.users[target]
    if membership == "join" and user then content.displayname = user.displayname end
    for key, value in pairs(more or {}) do content[key] = value end
    return server:add(room, {
        type = "m.room.member", sender = actor, state_key = target, content = content,
    })
end

local function change_other(membership)
    return function(server, request, room_id)
        local target = request.body.user_id
        if type(target) ~= "string" then
            rooms.refuse(400, "M_BAD_JSON", "Missing user_id")
        end
        M.change(server, server:room(room_id), request.device.user_id, target, membership,
            { reason = request.body.reason })
        return {}
    end
end

M.ops.invite = change_other("invite")
M.ops.ban = change_other("ban")
M.ops.kick = change_other("leave")

function M.ops.unban(server, request, room_id)
    local room = server:room(room_id)
    if room:membership(request.body.user_id or "") ~= "ban" then
        rooms.refuse(403, "M_FORBIDDEN", "The target user is not banned")
    end
    return change_other("leave")(server, request, room_id)
end

function M.ops.join(server, request, room_or_alias)
    local room = server:room(server.aliases[room_or_alias] or room_or_alias)
    local user_id = request.device.user_id
    if room:membership(user_id) ~= "join" then
        M.change(server, room, user_id, user_id, "join", { reason = request.body.reason })
    end
    return { room_id = room.room_id }
end

function M.ops.leave(server, request, room_id)
    local user_id = request.device.user_id
    M.change(server, server:room(room_id), user_id, user_id, "leave",
        { reason = request.body.reason })
    return {}
end

function M.ops.joined_rooms(server, request)
    local out = host.array({})
    for _, room in ipairs(server.room_list) do
        if room:membership(request.device.user_id) == "join" then out[#out + 1] = room.room_id end
    end
    return { joined_rooms = out }
end

function M.ops.members(server, request, room_id)
    local room = server:room(room_id)
    room:require_joined(request.device.user_id)
    local chunk, unwanted = host.array({}), request.query.not_membership
    for _, event in ipairs(room:members(request.query.membership)) do
        if event.content.membership ~= unwanted then
            chunk[#chunk + 1] = server:full(event, request.device)
        end
    end
    return { chunk = chunk }
end

function M.ops.joined_members(server, request, room_id)
    local room = server:room(room_id)
    room:require_joined(request.device.user_id)
    local joined = {}
    for _, event in ipairs(room:members("join")) do
        joined[event.state_key] = { display_name = event.content.displayname }
    end
    return { joined = joined }
end

-- The events a new room begins with.
local function first_events(creator, opts)
    local public = opts.preset == "public_chat"
    local levels = {
        users = { [creator] = 100 }, users_default = 0, events_default = 0,
        state_default = 50, ban = 50, kick = 50, invite = 0, redact = 50,
        events = { ["m.room.power_levels"] = 100 },
    }
    for key, value in pairs(opts.power_level_content_override or {}) do levels[key] = value end
    local out = {
        { "m.room.create", { creator = creator, room_version = "10" } },
        { "m.room.member", { membership = "join" }, creator },
        { "m.room.power_levels", levels },
        { "m.room.join_rules", { join_rule = public and "public" or "invite" } },
        { "m.room.history_visibility", { history_visibility = "shared" } },
    }
    for _, event in ipairs(opts.initial_state or {}) do
        out[#out + 1] = { event.type, event.content, event.state_key }
    end
    if opts.name then out[#out + 1] = { "m.room.name", { name = opts.name } } end
    if opts.topic then out[#out + 1] = { "m.room.topic", { topic = opts.topic } } end
    return out
end

function M.create(server, creator, opts)
    local alias = opts.room_alias_name and ("#%s:%s"):format(opts.room_alias_name, server.name)
    if alias and server.aliases[alias] then
        rooms.refuse(400, "M_ROOM_IN_USE", "Room alias already taken")
    end
    local room = server:new_room()
    for _, event in ipairs(first_events(creator, opts)) do
        server:add(room, { type = event[1], sender = creator, content = event[2],
            state_key = event[3] or "" })
    end
    if alias then
        server.aliases[alias] = room.room_id
        server:add(room, { type = "m.room.canonical_alias", sender = creator, state_key = "",
            content = { alias = alias } })
    end
    for _, user_id in ipairs(opts.invite or {}) do
        M.change(server, room, creator, user_id, "invite",
            { is_direct = opts.is_direct or nil })
    end
    return room
end

function M.ops.create(server, request)
    return { room_id = M.create(server, request.device.user_id, request.body).room_id }
end

function M.ops.alias(server, _, alias)
    local room_id = server.aliases[alias]
    if not room_id then
        rooms.refuse(404, "M_NOT_FOUND", ("Room alias %s not found"):format(alias))
    end
    return { room_id = room_id, servers = host.array({ server.name }) }
end

function M.ops.set_alias(server, request, alias)
    if server.aliases[alias] then
        rooms.refuse(409, "M_UNKNOWN", ("Room alias %s already exists"):format(alias))
    end
    server:room(request.body.room_id or ""):require_joined(request.device.user_id)
    server.aliases[alias] = request.body.room_id
    return {}
end

return M
