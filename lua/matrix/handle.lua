-- Handles of registrations and timers.

local core = ...
local class = core.require "class"
local command = core.require "command"
local handlers = core.require "handlers"

local methods = {}

function methods.cancel(self)
    if handlers.get(self.id) then
        handlers.remove(self.id)
        command.remove(self.id)
        core.call("script.off", { id = self.id })
    end
    return true
end

local mt = class.define("Handle", {
    what = "a handle",
    methods = methods,
    text = function(self) return "handle " .. self.id end,
})

local M = {}

function M.new(id)
    return setmetatable({ id = id }, mt)
end

return M
