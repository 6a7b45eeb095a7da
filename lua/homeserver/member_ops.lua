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

local function check_target(request)
    local target = request.body.user_id
    if target == nil then rooms.refuse(400, "M_MISSING_PARAM", "Missing user_id") end
    if type(target) ~= "string" or not target:find("^@[^:]+:.+$") then
        rooms.refuse(400, "M_INVALID_PARAM", "Invalid user_id")
    end
    return target
end

local function change_other(membership)
    return function(server, request, room_id)
        local target, room = check_target(request), server:room(room_id)
        local now = room:membership(target)
        -- Doing again what is so already changes nothing.
        if now == membership and membership ~= "leave" then
            room:require_joined(request.device.user_id)
            if membership ~= "join" then return {} end
        end
        M.change(server, room, request.device.user_id, target, membership,
            { reason = request.body.reason })
        return {}
    end
end

M.ops.invite = change_other("invite")
M.ops.ban = change_other("ban")
M.ops.kick = change_other("leave")

function M.ops.unban(server, request, room_id)
    local room = server:room(room_id)
    if room:membership(check_target(request)) ~= "ban" then
        rooms.refuse(403, "M_BAD_STATE", "Cannot unban user who was not banned")
    end
    return change_other("leave")(server, request, room_id)
end

function M.ops.join(server, request, room_or_alias)
    if room_or_alias:find("^#") and not server.aliases[room_or_alias] then
        rooms.refuse(404, "M_NOT_FOUND", ("No known servers for %s"):format(room_or_alias))
    elseif not room_or_alias:find("^[#!]") then
        rooms.refuse(400, "M_UNKNOWN", ("%s was not legal room ID or room alias"):format(
            room_or_alias))
    end
    local room = server:room(server.aliases[room_or_alias] or room_or_alias)
    local user_id = request.device.user_id
    if room:membership(user_id) ~= "join" then
        M.change(server, room, user_id, user_id, "join", { reason = request.body.reason })
    end
    return { room_id = room.room_id }
end

function M.ops.leave(server, request, room_id)
    local user_id, room = request.device.user_id, server:room(room_id)
    if room:membership(user_id) ~= "leave" then
        M.change(server, room, user_id, user_id, "leave", { reason = request.body.reason })
    end
    return {}
end

function M.ops.forget(server, request, room_id)
    local room, user_id = server:room(room_id), request.device.user_id
    local now = room:membership(user_id)
    if now == "join" or now == "invite" then
        rooms.refuse(400, "M_UNKNOWN", ("User %s in room %s"):format(user_id, room_id))
    end
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
local function first_events(creator, opts, version)
    local public = opts.preset == "public_chat"
    local levels = {
        users = { [creator] = 100 }, users_default = 0, events_default = 0,
        state_default = 50, ban = 50, kick = 50, invite = public and 50 or 0, redact = 50,
        events = { ["m.room.power_levels"] = 100, ["m.room.history_visibility"] = 100,
            ["m.room.tombstone"] = 100, ["m.room.server_acl"] = 100, ["m.room.encryption"] = 100,
            ["m.room.name"] = 50, ["m.room.avatar"] = 50, ["m.room.canonical_alias"] = 50 },
    }
    if opts.preset == "trusted_private_chat" then
        for _, user_id in ipairs(opts.invite or {}) do levels.users[user_id] = 100 end
    end
    for key, value in pairs(opts.power_level_content_override or {}) do levels[key] = value end
    local out = {
        { "m.room.create", { creator = version ~= "11" and creator or nil,
            room_version = version } },
        { "m.room.member", { membership = "join" }, creator },
        { "m.room.power_levels", levels },
        { "m.room.join_rules", { join_rule = public and "public" or "invite" } },
        { "m.room.history_visibility", { history_visibility = "shared" } },
    }
    if not public then
        out[#out + 1] = { "m.room.guest_access", { guest_access = "can_join" } }
    end
    for _, event in ipairs(opts.initial_state or {}) do
        out[#out + 1] = { event.type, event.content, event.state_key }
    end
    if opts.name then out[#out + 1] = { "m.room.name", { name = opts.name } } end
    if opts.topic then out[#out + 1] = { "m.room.topic", { topic = opts.topic } } end
    return out
end

local PRESETS = { private_chat = true, public_chat = true, trusted_private_chat = true }
local VERSIONS = { ["10"] = true, ["11"] = true }

local function check_options(opts)
    if opts.preset and not PRESETS[opts.preset] then
        rooms.refuse(400, "M_BAD_JSON", ("'%s' is not a valid preset"):format(opts.preset))
    end
    if opts.room_version and not VERSIONS[opts.room_version] then
        rooms.refuse(400, "M_UNSUPPORTED_ROOM_VERSION",
            "Your homeserver does not support this room version")
    end
    for _, user_id in ipairs(opts.invite or {}) do
        if type(user_id) ~= "string" or not user_id:find("^@[^:]+:.+$") then
            rooms.refuse(400, "M_UNKNOWN", ("Invalid user_id: %s"):format(tostring(user_id)))
        end
    end
end

-- fixed: an alias and a room ID that no client could ask for.
function M.create(server, creator, opts, fixed)
    fixed = fixed or {}
    check_options(opts)
    local alias = fixed.alias
        or opts.room_alias_name and ("#%s:%s"):format(opts.room_alias_name, server.name)
    if alias and server.aliases[alias] then
        rooms.refuse(400, "M_ROOM_IN_USE", "Room alias already taken")
    end
    local room = server:new_room(opts.room_version, fixed.room_id)
    for _, event in ipairs(first_events(creator, opts, room.version)) do
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

return M
