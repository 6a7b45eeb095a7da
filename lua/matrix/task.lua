-- matrix.sleep, matrix.spawn, task:join, matrix.all, matrix.race

local core = ...
local class = core.require "class"
local context = core.require "context"
local err = core.require "error"
local time = core.require "time"

local M = {}

local mt = class.define("Task", {
    what = "a task",
    methods = { join = function(self) return core.join(self.handle) end },
    text = function() return "task" end,
})

function M.sleep(duration)
    return core.call("timer.sleep", { seconds = time.seconds(duration) })
end

-- In the same context: a handle, or nil, err.
local function spawn(fn, ...)
    local about = context.get()
    return core.spawn(function(...)
        context.set(about)
        return fn(...)
    end, ...)
end

function M.spawn(fn, ...)
    local handle, why = spawn(fn, ...)
    if not handle then return nil, why end
    return setmetatable({ handle = handle }, mt)
end

-- ---- several at once ----

-- { false, error } of what fn raised, or { true, results ... }.
local function outcome_of(fn)
    local outcome = table.pack(pcall(fn))
    local value = outcome[2]
    if not outcome[1] and not err.is(value) then
        outcome = { false, err.new("task", tostring(value)), n = 2 }
    end
    err.look_at(outcome[outcome[1] and 3 or 2])  -- the caller gets it
    return outcome
end

local cancel_all = { __close = function(handles)
    for _, handle in ipairs(handles) do core.cancel(handle) end
end }

-- Runs all functions at once, each in a task, until all have ended or one
-- decides: decides(i, outcome) is true. What runs then is cancelled, and also
-- when the caller itself is. nil, err when they cannot be started.
local function run_all(fns, decides)
    local handles <close> = setmetatable({}, cancel_all)
    local decided, referee, told = false, nil, {}
    for i, fn in ipairs(fns) do
        local handle, why = spawn(function()
            local outcome = outcome_of(fn)
            told[i] = true
            if not decided and decides(i, outcome) then
                decided = true
                if referee then core.cancel(referee) end
            end
        end)
        if not handle then return nil, why end
        handles[i] = handle
    end
    -- Waits for one after the other; the caller waits for it alone.
    local why
    referee, why = spawn(function()
        for i = 1, #fns do core.join(handles[i]) end
    end)
    if not referee then return nil, why end
    handles[#handles + 1] = referee
    core.join(referee)
    if decided then return true end
    for i = 1, #fns do  -- one that a limit ended could not tell
        if not told[i] then return core.join(handles[i]) end
    end
    return true
end

-- The length of a list of functions.
local function count(fns, what)
    for key in pairs(fns) do
        if math.type(key) ~= "integer" or key < 1 or key > #fns then
            core.raise(what .. ": a list of functions expected, without names and holes")
        end
    end
    return #fns
end

function M.all(fns)
    local results, failure = { n = count(fns, "matrix.all") }, nil
    local ok, why = run_all(fns, function(i, outcome)
        local failed = not outcome[1] and outcome[2]
            or outcome[2] == nil and err.is(outcome[3]) and outcome[3]
        if failed then failure = failed else results[i] = outcome[2] end
        return failed
    end)
    if not ok then return nil, why end
    if failure then return nil, failure end
    return results
end

function M.race(fns)
    if count(fns, "matrix.race") == 0 then
        core.raise("matrix.race: there is no function in the list")
    end
    local first
    local ok, why = run_all(fns, function(_, outcome)
        first = outcome
        return true
    end)
    if not ok then return nil, why end
    if not first[1] then return nil, first[2] end
    return table.unpack(first, 2, first.n)
end

return M
