-- Who may call a command, and where. options: power, admin, dm, rooms.

local core = ...
local account = core.require "account"

local M = {}

-- Elsewhere it is no command. Waits for aliases that are not known.
function M.belongs_here(ev, rooms)
    return not rooms or #rooms == 0 or account.room_is_among(ev.room_id, rooms)
end

-- Why this sender may not call it here, or nil.
function M.refusal(options, ev)
    if options.admin and not account.is_admin(ev.sender) then return "this is for admins only" end
    if options.power and ev.room:power(ev.sender) < options.power then
        return ("this needs power level %.10g"):format(options.power)
    end
    if options.dm == true and not ev.is_direct then return "this works in a direct chat only" end
    if options.dm == false and ev.is_direct then return "this does not work in a direct chat" end
    return nil
end

return M
