-- Requests about profiles.

local members = require "homeserver.member_ops"
local rooms = require "homeserver.rooms"

local M = { ops = {} }

local FIELDS = { displayname = true, avatar_url = true }

local function find(server, user_id)
    return server.users[user_id]
        or rooms.refuse(404, "M_UNKNOWN", "Profile was not found")
end

function M.ops.profile(server, _, user_id)
    local user = find(server, user_id)
    return { displayname = user.displayname, avatar_url = user.avatar_url }
end

function M.ops.profile_field(server, _, user_id, field)
    return { [field] = find(server, user_id)[field] }
end

-- The rooms that the user is in see it as well.
function M.ops.set_profile_field(server, request, user_id, field)
    if user_id ~= request.device.user_id then
        rooms.refuse(400, "M_FORBIDDEN", "Cannot set another user's profile")
    end
    if not FIELDS[field] then rooms.refuse(404, "M_UNRECOGNIZED", "Unrecognized request") end
    server.users[user_id][field] = request.body[field]
    for _, room in ipairs(server.room_list) do
        if room:membership(user_id) == "join" then
            members.change(server, room, user_id, user_id, "join")
        end
    end
    return {}
end

return M
