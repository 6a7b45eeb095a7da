-- Objects: methods, computed fields, and an error for names that do not exist.

local core = ...
local check = core.require "check"
local description = core.require "description"
local suggest = core.require "suggest"

local M = {}

-- The class name of a value, or nil.
function M.of(value)
    if type(value) ~= "table" then return nil end
    local name = getmetatable(value)
    return type(name) == "string" and name or nil
end

local function raise_unknown(class, what, key)
    core.raise(("%s has no field '%s'%s"):format(
        what, tostring(key), suggest.hint(key, description.names(class))))
end

-- A metatable for objects of a class.
--   methods   name -> function(self, ...); arguments are checked as described
--   fields    name -> function(self), computed when read
--   text      function(self) for tostring
--   what      how errors call such a thing: "an event"
--   write     function(self, key, value) -> true when the script may assign key
-- Described fields without a function are plain values that may be nil.
function M.define(class, spec)
    local methods, fields = {}, spec.fields or {}
    local known = description.names(class)
    for name, fn in pairs(spec.methods or {}) do
        methods[name] = check.wrap(description.entry(class, name), fn)
    end
    local mt = { __name = class, __metatable = class, methods = methods }
    function mt.__index(self, key)
        local method = methods[key]
        if method then return method end
        local field = fields[key]
        if field then return field(self) end
        if known[key] or type(key) ~= "string" then return nil end
        return raise_unknown(class, spec.what, key)
    end
    function mt.__newindex(self, key, value)
        if spec.write and spec.write(self, key, value) then return end
        if known[key] then
            core.raise(("'%s' of %s cannot be assigned"):format(key, spec.what))
        end
        raise_unknown(class, spec.what, key)
    end
    mt.__tostring = spec.text
    mt.__concat = spec.text and function(a, b) return tostring(a) .. tostring(b) end
    mt.__eq = spec.equal
    return mt
end

-- A library table: functions checked as described, unknown names raise.
function M.library(class, spec)
    local library = {}
    local known = description.names(class)
    for name, value in pairs(spec) do
        local entry = description.entry(class, name)
        library[name] = type(value) == "function" and check.wrap(entry, value) or value
    end
    return setmetatable({}, {
        __name = class,
        __metatable = class,
        __index = function(_, key)
            local value = library[key]
            if value ~= nil or known[key] or type(key) ~= "string" then return value end
            return raise_unknown(class, class, key)
        end,
        __pairs = function() return next, library, nil end,
        __tostring = function() return class end,
        __newindex = function(_, key)
            core.raise(("%s.%s cannot be assigned"):format(class, tostring(key)))
        end,
    })
end

return M
