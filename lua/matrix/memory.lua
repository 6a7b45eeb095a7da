-- bot.memory: looks like a table, lives in the host.

local core = ...
local plain = core.require "plain"

local mt = { __name = "Memory", __metatable = "Memory" }
local paths = setmetatable({}, { __mode = "k" })  -- proxy -> list of keys

local function proxy(path)
    local self = setmetatable({}, mt)
    paths[self] = setmetatable(path, core.array_metatable)
    return self
end

-- "bot.memory.votes[3]"
local function name_of(path)
    local out = { "bot.memory" }
    for _, key in ipairs(path) do
        out[#out + 1] = type(key) == "string" and "." .. key or ("[%d]"):format(key)
    end
    return table.concat(out)
end

local function extend(path, key)
    local longer = table.move(path, 1, #path, 1, {})
    local integer = type(key) == "number" and math.tointeger(key)
    if type(key) ~= "string" and not integer then
        core.raise(("%s: a key must be a string or a whole number, not a %s"):format(
            name_of(path), type(key)))
    end
    longer[#longer + 1] = integer or key
    return setmetatable(longer, core.array_metatable)
end

function mt.__index(self, key)
    if key == nil then return nil end
    local path = extend(paths[self], key)
    local found = assert(core.call("memory.get", { path = path }))
    if found.kind == "table" then return proxy(path) end
    return found.value
end

function mt.__newindex(self, key, value)
    local path = extend(paths[self], key)
    value = plain.copy(value, name_of(path))
    if value == nil then value = core.null end
    assert(core.call("memory.set", { path = path, value = value }))
end

local function keys_of(self)
    return assert(core.call("memory.keys", { path = paths[self] }))
end

function mt.__pairs(self)
    local keys, at = keys_of(self), 0
    return function()
        while true do
            at = at + 1
            local key = keys[at]
            if key == nil then return nil end
            local value = self[key]
            if value ~= nil then return key, value end
        end
    end, self, nil
end

function mt.__len(self)
    local has, n = {}, 0
    for _, key in ipairs(keys_of(self)) do has[key] = true end
    while has[n + 1] do n = n + 1 end
    return n
end

function mt.__eq(a, b)
    return name_of(paths[a]) == name_of(paths[b])
end

function mt.__tostring(self)
    return name_of(paths[self])
end

-- A copy as a plain table.
plain.allow("Memory", function(self)
    local out = {}
    for key, value in mt.__pairs(self) do
        out[key] = plain.copy(value, name_of(paths[self]))
    end
    return out
end)

return proxy({})
