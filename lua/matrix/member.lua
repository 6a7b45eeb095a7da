-- Members of a room, and users.

local core = ...
local class = core.require "class"
local rooms = core.require "room_call"

local M = {}

-- In larger rooms the user ID is always added instead of searching.
local MANY = 1000

local function text_of(value)
    return type(value) == "string" and value ~= "" and value or nil
end

-- Does somebody else in the room have that displayname?
local function is_shared(room, user_id, displayname)
    local info = rooms.info(room)
    if not info or (info.joined_count or 0) + (info.invited_count or 0) > MANY then return true end
    for key, content in room:states("m.room.member") do
        if key ~= user_id and content.displayname == displayname
            and (content.membership == "join" or content.membership == "invite") then
            return true
        end
    end
    return false
end

local function print_name(self)
    local name = self.displayname
    if not name then return self.user_id end
    if name:find("^@.*:") or is_shared(self.room, self.user_id, name) then
        return ("%s (%s)"):format(name, self.user_id)
    end
    return name
end

local member_mt, user_mt

-- A member made from the content of its state event.
function M.new(room, user_id, content)
    local self = {
        user_id = user_id,
        displayname = text_of(content.displayname),
        avatar_url = text_of(content.avatar_url),
        membership = text_of(content.membership),
    }
    rawset(self, "room", room)
    return setmetatable(self, member_mt)
end

-- A member by what the local copy knows, which may be nothing but the ID.
function M.of(room, user_id)
    return M.new(room, user_id, room:state("m.room.member", user_id) or {})
end

function M.user(user_id)
    return setmetatable({ user_id = user_id }, user_mt)
end

member_mt = class.define("Member", {
    what = "a member",
    fields = { power = function(self) return self.room:power(self.user_id) end },
    text = print_name,
    equal = function(a, b) return a.user_id == b.user_id and a.room == b.room end,
})

user_mt = class.define("User", {
    what = "a user",
    text = function(self) return self.user_id end,
    equal = function(a, b) return a.user_id == b.user_id end,
})

return M
