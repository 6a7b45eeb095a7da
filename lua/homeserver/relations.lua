-- What events say of each other.

local rooms = require "homeserver.rooms"

local M = {}

-- rel_type, event ID and key of what an event relates to; nil for none.
function M.of(event)
    local relation = event.content["m.relates_to"]
    if type(relation) ~= "table" or type(relation.rel_type) ~= "string" then return nil end
    return relation.rel_type, relation.event_id, relation.key
end

-- Everything that relates to an event, oldest first.
function M.to(room, event_id, rel_type, kind)
    local out = {}
    for _, event in ipairs(room.events) do
        local found, target = M.of(event)
        if found and target == event_id and (not rel_type or found == rel_type)
            and (not kind or event.type == kind) then
            out[#out + 1] = event
        end
    end
    return out
end

-- Nobody reacts twice with the same key.
function M.check(room, user_id, kind, content)
    local rel_type, event_id, key = M.of({ content = content })
    if rel_type ~= "m.annotation" then return end
    for _, event in ipairs(M.to(room, event_id, rel_type, kind)) do
        local _, _, other = M.of(event)
        if event.sender == user_id and other == key then
            rooms.refuse(400, "M_DUPLICATE_ANNOTATION", "Can't send same reaction twice")
        end
    end
end

return M
