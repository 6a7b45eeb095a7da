-- Host calls about a room: what Room, Event and Member stand on.

local core = ...
local account = core.require "account"
local time = core.require "time"

local M = {}

-- In place of an admin room when the account has none: its sends are logged.
local NOWHERE = ""
M.NOWHERE = NOWHERE

local function timeout_of(opts)
    return opts and time.seconds(opts.timeout)
end

-- args with the room's ID in it, to the host; an alias is looked up, which
-- waits.
function M.call(room, name, args, opts)
    local id, err = room.room_id, nil
    if not id then id, err = account.resolve(room.address, timeout_of(opts)) end
    if not id then return nil, err end
    if id == NOWHERE then
        return nil, account.error("denied", "the account has no admin room")
    end
    args.room_id, args.timeout = id, timeout_of(opts)
    return core.call(name, args)
end

-- A read of the local copy: nil while the room is not known.
function M.read(room, name, args)
    local id = room.room_id
    if not id or id == NOWHERE then return nil end
    args.room_id = id
    return core.call(name, args)
end

function M.info(room)
    return M.read(room, "room.info", {})
end

function M.join(room, opts)
    return core.call("room.join",
        { room = room.room_id or room.address, timeout = timeout_of(opts) })
end

local function log_instead(room, event_type, content)
    local text = "to the admin room, which is not set: " .. (content.body or event_type)
    local file, line = core.where()
    core.require("log").write("warn", text, file, line)
    return core.require("event").sent(room, NOWHERE, event_type, content)
end

-- Sends content; the sent event, or nil, err. opts: txn_id, timeout.
function M.post(room, event_type, content, opts)
    if room.room_id == NOWHERE then return log_instead(room, event_type, content) end
    local result, err = M.call(room, "room.send",
        { type = event_type, content = content, txn_id = opts.txn_id }, opts)
    if not result then return nil, err end
    return core.require("event").sent(room, result.event_id, event_type, content)
end

return M
