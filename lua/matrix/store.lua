-- bot.store

local core = ...
local class = core.require "class"
local err = core.require "error"
local plain = core.require "plain"
local time = core.require "time"

local PAGE = 100

local methods = {}

function methods.get(_, key)
    local row, why = core.call("store.get", { key = key })
    if not row then return nil, why end
    return row.value
end

local function set(key, value, args)
    if value == nil then return core.call("store.delete", { key = key }) end
    args.key, args.value = key, plain.copy(value, key)
    return core.call("store.set", args)
end

function methods.set(_, key, value, opts)
    return set(key, value, { ttl = opts and time.seconds(opts.ttl) })
end

function methods.delete(_, key)
    return core.call("store.delete", { key = key })
end

-- Called through gsub, across which nothing can wait: no other task comes
-- between reading and writing.
local function without_waiting(fn, old)
    local new
    string.gsub("x", "x", function() new = fn(old) end)
    return new
end

function methods.update(_, key, fn)
    local row, why = core.call("store.get", { key = key })
    if not row and why then return nil, why end
    local new = without_waiting(fn, row and row.value)
    local ok
    ok, why = set(key, new, { expires = row and row.expires })
    if not ok then return nil, why end
    return new
end

function methods.keys(_, prefix)
    local rows, at, after, over = {}, 0, nil, false
    return function()
        at = at + 1
        if not rows[at] and not over then
            local why
            rows, why = core.call("store.keys", { prefix = prefix, after = after, max = PAGE })
            if not rows then error(why or err.new("store", "cannot read keys"), 0) end
            at, over = 1, #rows < PAGE
            after = rows[#rows]
        end
        local key = rows[at]
        if not key then rows = {} end
        return key
    end
end

local mt = class.define("Store", {
    what = "bot.store",
    methods = methods,
    text = function() return "bot.store" end,
})

return setmetatable({}, mt)
