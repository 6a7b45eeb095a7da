-- Tables that nobody can change, at any depth: bot.config.

local core = ...

local M = {}

local contents = setmetatable({}, { __mode = "k" })  -- such a table -> what is in it

-- What is in such a table; any other one as it is. For whoever looks at a
-- table without its metamethods.
function M.open(t)
    return contents[t] or t
end

-- t, from now on to be left alone, read-only. what: how errors call it.
function M.new(t, what)
    for key, value in next, t do
        local class = type(value) == "table" and getmetatable(value)
        if class == nil or class == core.array_metatable then
            t[key] = M.new(value, ("%s.%s"):format(what, tostring(key)))
        end
    end
    local proxy = setmetatable({}, {
        __index = t,
        __newindex = function() core.raise(what .. " is read-only") end,
        __len = function() return #t end,
        __pairs = function(self) return function(_, key) return next(t, key) end, self, nil end,
        __tostring = function() return what end,
        __values = t,  -- for JSON
        __metatable = false,
    })
    contents[proxy] = t
    return proxy
end

return M
