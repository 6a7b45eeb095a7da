-- Requests about names of rooms.

local host = require "homeserver.host"
local rooms = require "homeserver.rooms"

local M = { ops = {} }

local function check_alias(alias)
    if not alias:find("^#[^:]*:.+$") then
        rooms.refuse(400, "M_INVALID_PARAM", ("Room alias %s is invalid"):format(alias))
    end
end

local function find_room(server, alias)
    check_alias(alias)
    return server.aliases[alias]
        or rooms.refuse(404, "M_NOT_FOUND", ("Room alias %s not found"):format(alias))
end

function M.ops.alias(server, _, alias)
    return { room_id = find_room(server, alias), servers = host.array({ server.name }) }
end

function M.ops.set_alias(server, request, alias)
    check_alias(alias)
    if server.aliases[alias] then
        rooms.refuse(409, "M_UNKNOWN", ("Room alias %s already exists"):format(alias))
    end
    server:room(request.body.room_id or ""):require_joined(request.device.user_id)
    server.aliases[alias] = request.body.room_id
    server.alias_creators[alias] = request.device.user_id
    return {}
end

-- By whoever made it, or who may change the room's main alias.
function M.ops.delete_alias(server, request, alias)
    local user_id = request.device.user_id
    local room = server:room(find_room(server, alias))
    if server.alias_creators[alias] ~= user_id then
        room:require_power(user_id, room:needed("m.room.canonical_alias", true))
    end
    server.aliases[alias] = nil
    return {}
end

function M.ops.aliases(server, request, room_id)
    server:room(room_id):require_joined(request.device.user_id)
    local out = host.array({})
    for alias, id in pairs(server.aliases) do
        if id == room_id then out[#out + 1] = alias end
    end
    table.sort(out)
    return { aliases = out }
end

return M
