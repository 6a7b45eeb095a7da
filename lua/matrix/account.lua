-- What the host knows of the account, and of aliases.

local core = ...
local err = core.require "error"

local M = {}

local user_id, device_id

-- { user_id, device_id, prefix, admin_room, admins, account }, as it is now.
function M.info()
    local info = core.call("account.info")
    user_id, device_id = info.user_id, info.device_id
    return info
end

-- The bot's own user ID; nil without an account.
function M.user_id()
    if not user_id then M.info() end
    return user_id
end

function M.device_id()
    if not device_id then M.info() end
    return device_id
end

function M.is_admin(who)
    for _, admin in ipairs(M.info().admins or {}) do
        if admin == who then return true end
    end
    return false
end

local aliases = {}  -- alias -> room ID
local failed = {}   -- alias -> { err, time }

-- The room ID behind an alias, asked for once. Waits. Not from room state:
-- there anybody may claim an alias.
function M.resolve(alias, timeout)
    local bad = failed[alias]
    if aliases[alias] then return aliases[alias] end
    if bad and core.monotonic() - bad.time < 60 then return nil, bad.err end
    local result, why = core.call("room.resolve", { alias = alias, timeout = timeout })
    if not result then
        if why.kind ~= "cancelled" then failed[alias] = { err = why, time = core.monotonic() } end
        return nil, why
    end
    aliases[alias], failed[alias] = result.room_id, nil
    return result.room_id
end

function M.resolved(alias)
    return aliases[alias]
end

-- Is room_id among the given IDs and aliases? Waits for aliases not known.
function M.room_is_among(room_id, list)
    for _, name in ipairs(list) do
        if name == room_id then return true end
        if name:sub(1, 1) == "#" and M.resolve(name) == room_id then return true end
    end
    return false
end

-- Raises for what is neither room ID nor alias.
function M.check_room(what, name)
    if not name:find("^[!#].") then
        core.raise(("%s: '%s' is no room ID (!...) and no alias (#name:server)"):format(what, name))
    end
end

function M.check_user(what, name)
    if not name:find("^@.*:.") then
        core.raise(("%s: '%s' is no user ID (@name:server)"):format(what, name))
    end
end

M.error = err.new

return M
