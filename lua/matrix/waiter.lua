-- bot:wait_for and ev:ask: the next event of a kind, for one task.

local core = ...
local context = core.require "context"
local err = core.require "error"
local handlers = core.require "handlers"
local time = core.require "time"

local M = {}

local DEFAULT = 300  -- seconds

local armed = {}  -- task -> waiter -> true

local function disarm(waiter)
    local task = waiter.task
    if not armed[task] or not armed[task][waiter] then return end
    armed[task][waiter] = nil
    if next(armed[task]) == nil then armed[task] = nil end
    handlers.remove(waiter.id)
    core.call("script.off", { id = waiter.id })
end

local mt = { __close = disarm }

-- From now on the first event of that name that passes goes to the waiter and
-- to nobody else. Its fields are those of a handler, and `what` it waits for;
-- keep it in a variable that is closed. nil, err: too many wait already.
function M.arm(name, filter, waiter)
    if not core.can_wait() then core.call("script.wait", { id = 0, seconds = 0 }) end  -- raises
    waiter.kind, waiter.name, waiter.task = "waiter", name, core.task()
    handlers.add(waiter)
    armed[waiter.task] = armed[waiter.task] or {}
    armed[waiter.task][waiter] = true
    setmetatable(waiter, mt)
    local ok, why = core.call("script.await", {
        id = waiter.id, name = name, filter = filter, where = context.place(),
    })
    if ok then return waiter end
    disarm(waiter)
    return nil, why
end

-- The event | err of kind "timeout".
function M.wait(waiter, timeout)
    local seconds = time.seconds(timeout) or DEFAULT
    if waiter.ev then return waiter.ev end
    local ok, why = core.call("script.wait", { id = waiter.id, seconds = seconds })
    if ok == nil then return nil, why end
    if ok then return waiter.ev end
    return nil, err.new("timeout", ("no %s within %s"):format(waiter.what, time.format(seconds)))
end

-- In the task that the host asks: does the waiter take ev? Not when somebody
-- was faster, or its time is over.
function M.take(waiter, ev)
    if not core.call("script.answer", { id = waiter.id }) then return nil end
    waiter.ev = ev
    return true
end

-- A task that a limit ends, or that is closed, may not get to its <close>.
function M.task_ended(task)
    while armed[task] do disarm((next(armed[task]))) end
end

return M
