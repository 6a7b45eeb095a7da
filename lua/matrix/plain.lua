-- Plain values: what bot.store, bot.memory and snapshot can keep.

local core = ...
local read_only = core.require "read_only"

local M = {}

local unwrap = {}  -- class name -> function(object) giving a plain value

-- Objects of that class are kept as what fn makes of them.
function M.allow(class, fn)
    unwrap[class] = fn
end

local copy

local function check_text(text, path)
    if not utf8.len(text) then core.raise(path .. " is not valid UTF-8, which cannot be kept") end
end

local function copy_table(value, path, open)
    if open[value] then core.raise(path .. " contains itself") end
    open[value] = true
    local out, count, strings = {}, 0, 0
    for k, v in next, value do
        local at
        if type(k) == "string" then
            check_text(k, "a key of " .. path)
            at, strings = path .. "." .. k, strings + 1
        elseif math.type(k) == "integer" then
            at = ("%s[%d]"):format(path, k)
        else
            core.raise(("%s has a key that is a %s"):format(path, type(k)))
        end
        out[k] = copy(v, at, open)
        count = count + 1
    end
    if strings > 0 and strings < count then
        core.raise(path .. " has string keys beside numbers")
    end
    if strings == 0 and count > 0 and #out ~= count then
        core.raise(path .. " has number keys that are not 1 to " .. count)
    end
    open[value] = nil
    -- An empty list stays a list.
    if getmetatable(value) == core.array_metatable then setmetatable(out, core.array_metatable) end
    return out
end

function copy(value, path, open)
    local t = type(value)
    if t == "number" then
        if value ~= value or value == math.huge or value == -math.huge then
            core.raise(("%s is %s, which cannot be kept"):format(path, tostring(value)))
        end
        return value
    elseif t == "string" then
        check_text(value, path)
        return value
    elseif t == "nil" or t == "boolean" or value == core.null then
        return value
    elseif t == "table" then
        local class = getmetatable(value)
        if unwrap[class] then return unwrap[class](value) end
        if type(class) == "string" then
            core.raise(("%s is an object (%s)"):format(path, class))
        end
        return copy_table(read_only.open(value), path, open)
    end
    return core.raise(("%s is a %s"):format(path, t))
end

-- A copy; raises, naming the place, for anything that cannot be kept.
function M.copy(value, path)
    return copy(value, path, {})
end

return M
