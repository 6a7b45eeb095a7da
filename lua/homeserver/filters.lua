-- Which events a filter lets through.

local M = {}

local function listed(patterns, text)
    for _, pattern in ipairs(patterns) do
        local escaped = pattern:gsub("[^%w*]", "%%%0"):gsub("%*", ".*")
        if text:find("^" .. escaped .. "$") then return true end
    end
    return false
end
M.listed = listed

-- Does an event pass that part of a filter?
function M.passes(part, event)
    return not (part.types and not listed(part.types, event.type)
        or part.not_types and listed(part.not_types, event.type)
        or part.senders and not listed(part.senders, event.sender or "")
        or part.not_senders and listed(part.not_senders, event.sender or ""))
end

-- Does a room?
function M.passes_room(part, room_id)
    return not (part.rooms and not listed(part.rooms, room_id)
        or part.not_rooms and listed(part.not_rooms, room_id))
end

return M
