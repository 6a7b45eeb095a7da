-- What the script registered: the host knows each by a number.

local M = {}

local handlers = {}  -- id -> { kind, fn, ... }
local last = 0

-- kind: "event" "hook" "command" "timer" "job".
function M.add(handler)
    last = last + 1
    handler.id = last
    handlers[last] = handler
    return last
end

function M.get(id)
    return handlers[id]
end

function M.remove(id)
    handlers[id] = nil
end

return M
