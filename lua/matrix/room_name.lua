-- The name of a room as the specification has it: its name, its alias, or who
-- is in it.

local core = ...
local account = core.require "account"
local rooms = core.require "room_call"

local M = {}

local HEROES = 5

local function text_of(content, key)
    local value = content and content[key]
    return type(value) == "string" and value ~= "" and value or nil
end

-- User IDs that stand for the room when the server named none.
local function some_members(room)
    local list = {}
    for user_id, content in room:states("m.room.member") do
        if user_id ~= account.user_id()
            and (content.membership == "join" or content.membership == "invite") then
            list[#list + 1] = user_id
            if #list == HEROES then break end
        end
    end
    return list
end

local function names_of(room, heroes)
    local member = core.require "member"
    local names = {}
    for _, user_id in ipairs(heroes) do
        if user_id ~= account.user_id() then
            names[#names + 1] = tostring(member.of(room, user_id))
        end
    end
    return names
end

local function join(names, others)
    if others > 0 then
        return ("%s and %d other%s"):format(table.concat(names, ", "), others,
            others == 1 and "" or "s")
    end
    if #names == 1 then return names[1] end
    return table.concat(names, ", ", 1, #names - 1) .. " and " .. names[#names]
end

local function by_members(room, info)
    local heroes = info.heroes or {}
    if #heroes == 0 then heroes = some_members(room) end
    local names = names_of(room, heroes)
    -- An invite comes without numbers.
    local joined = info.joined_count or #names + 1
    local count = joined + (info.invited_count or 0)
    if #names == 0 then return "Empty room" end
    if count <= 1 then return ("Empty room (was %s)"):format(join(names, 0)) end
    return join(names, math.max(0, count - 1 - #names))
end

-- nil when the room is not known.
function M.of(room)
    local info = rooms.info(room)
    if not info then return nil end
    return text_of(room:state("m.room.name"), "name")
        or text_of(room:state("m.room.canonical_alias"), "alias")
        or by_members(room, info)
end

return M
