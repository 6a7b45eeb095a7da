-- matrix.sleep, matrix.spawn, task:join

local core = ...
local class = core.require "class"
local context = core.require "context"
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

function M.spawn(fn, ...)
    local about = context.get()
    local handle, err = core.spawn(function(...)
        context.set(about)
        return fn(...)
    end, ...)
    if not handle then return nil, err end
    return setmetatable({ handle = handle }, mt)
end

return M
