-- bot:lock

local core = ...

local M = {}

local held = {}  -- task -> key -> id, from when it stands in line
local last = 0

local function give(task, key)
    local keys = held[task]
    local id = keys and keys[key]
    if not id then return end
    core.call("script.unlock", { id = id })
    keys[key] = nil
    if next(keys) == nil then held[task] = nil end
end

local mt = { __close = function(lock) give(lock.task, lock.key) end }

function M.lock(_, key, fn, ...)
    local task = core.task()
    if held[task] and held[task][key] then
        core.raise(("bot:lock: this task has the lock '%s' already"):format(key))
    end
    last = last + 1
    held[task] = held[task] or {}
    held[task][key] = last
    local _ <close> = setmetatable({ task = task, key = key }, mt)
    local ok, why = core.call("script.lock", { id = last, key = key })
    if not ok then return nil, why end
    return fn(...)
end

-- A task that a limit ends, or that is closed, may not get to its <close>.
function M.task_ended(task)
    local keys = held[task]
    while keys and next(keys) ~= nil do give(task, next(keys)) end
end

return M
