-- "unreaction": the redaction of a reaction. A redacted event has lost what it
-- pointed at, so reactions are remembered for scripts that ask for this.

local core = ...

local M = {}

local SPACE = "reaction"
local KEPT = 30 * 86400

-- Called for every reaction, as the event brings it.
function M.remember(ev)
    if not ev.target_id or not ev.key or not ev.event_id then return end
    assert(core.call("store.set", {
        space = SPACE, key = ev.event_id, ttl = KEPT,
        value = { room_id = ev.room_id, target_id = ev.target_id, key = ev.key },
    }))
end

-- ev: a redaction. When it withdraws a reaction, ev gets the reaction's target
-- and key, and true is returned: once, whoever redacts it again.
function M.withdrawn(ev)
    local id = ev.target_id
    local row = id and core.call("store.get", { space = SPACE, key = id })
    local value = row and row.value
    if not value or value.room_id ~= ev.room_id then return false end
    if value.by and value.by ~= ev.event_id then return false end
    value.by = ev.event_id
    assert(core.call("store.set", {
        space = SPACE, key = id, value = value, expires = row.expires,
    }))
    rawset(ev, "target_id", value.target_id)
    rawset(ev, "key", value.key)
    return true
end

return M
