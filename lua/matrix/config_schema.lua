-- bot.config_schema: what a script's `config` must be like.
--
-- { key = "type" }           must be there
-- { key = "type=default" }   or has that value
-- { key = "type?" }          or is nil
-- { key = "type[]" }         a list; "type[]?" one that may be left out
-- { key = { ... } }          a table with keys of its own
--
-- Types: those of usage strings, and "any" and "table". The value is what a
-- command would get: a duration is seconds.

local core = ...
local suggest = core.require "suggest"
local usage = core.require "usage"

local M = {}

local MOST = 3  -- problems that are told at once

-- ---- types ----

local function is_table(value)
    return type(value) == "table" and getmetatable(value) ~= core.array_metatable
end

-- What is a Lua value of its own, not text: name -> function(value).
local native = {
    string = function(v) return type(v) == "string", "a string" end,
    number = function(v) return type(v) == "number", "a number" end,
    int = function(v) return math.type(v) == "integer", "a whole number" end,
    bool = function(v) return type(v) == "boolean", "true or false" end,
    any = function() return true end,
    table = function(v) return is_table(v), "a table" end,
}

-- These may be given as a number of seconds too.
local seconds = { duration = true, date = true }

local function show(value)
    if type(value) == "string" then return ("'%s'"):format(value:sub(1, 40)) end
    if type(value) == "table" then return "a table" end
    return tostring(value)
end

-- The value as the script sees it, or nil and what was expected.
local function read_one(rule, value)
    local fits = native[rule.type]
    if fits then
        local ok, expected = fits(value)
        if ok then return value end
        return nil, expected
    end
    if seconds[rule.type] and type(value) == "number" and value >= 0 then return value end
    local read, expected = rule.convert(type(value) == "string" and value or "")
    return read, expected
end

local function read_list(rule, value)
    if type(value) ~= "table" or next(value) ~= nil and #value == 0 then
        return nil, "a list, not " .. show(value)
    end
    local out = setmetatable({}, core.array_metatable)
    for i, item in ipairs(value) do
        local read, expected = read_one(rule, item)
        if read == nil then
            return nil, ("a list; number %d must be %s, not %s"):format(i, expected, show(item))
        end
        out[i] = read
    end
    return out
end

-- ---- rules ----

local function bad_rule(key, text, why)
    core.raise(("bot.config_schema: %s = %s: %s"):format(key, show(text), why))
end

-- "type[]?=default" to { type, convert, list, optional, default }; raises.
local function rule_of(key, text)
    if type(text) ~= "string" then bad_rule(key, text, "a type as text, or a table, expected") end
    local kind, default = text:match("^([^=]+)=(.*)$")
    kind = kind or text
    local rule = { optional = default ~= nil }
    if kind:sub(-1) == "?" then kind, rule.optional = kind:sub(1, -2), true end
    if kind:sub(-2) == "[]" then kind, rule.list = kind:sub(1, -3), true end
    rule.type = kind
    if kind ~= "any" and kind ~= "table" then
        local why
        rule.convert, why = usage.converter(kind)
        if not rule.convert then bad_rule(key, text, why) end
    end
    if default == nil then return rule end
    if rule.list or not rule.convert then bad_rule(key, text, "this type has no default") end
    local expected
    rule.default, expected = rule.convert(default)
    if rule.default == nil then
        bad_rule(key, text, ("the default must be %s"):format(expected))
    end
    return rule
end

-- ---- reading ----

local function sorted_keys(t)
    local keys = {}
    for key in pairs(t) do keys[#keys + 1] = key end
    table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
    return keys
end

local read_table

local function read_key(name, text, value, problem)
    local rule = rule_of(name, text)
    if value == nil then
        if not rule.optional then problem(name, "is missing") end
        return rule.default
    end
    local read, expected
    if rule.list then
        read, expected = read_list(rule, value)
    else
        read, expected = read_one(rule, value)
        expected = expected and ("%s, not %s"):format(expected, show(value))
    end
    if read == nil then problem(name, "must be " .. expected) end
    return read
end

-- problem(name, what) is told of each; above: "server." in front of its keys.
function read_table(schema, config, above, problem)
    local out = {}
    for _, key in ipairs(sorted_keys(config)) do
        if schema[key] == nil then
            problem(above .. tostring(key), "is no key of this script"
                .. suggest.hint(tostring(key), schema))
        end
    end
    for _, key in ipairs(sorted_keys(schema)) do
        local name, value = above .. tostring(key), config[key]
        if type(schema[key]) ~= "table" then
            out[key] = read_key(name, schema[key], value, problem)
        elseif value == nil or is_table(value) or type(value) == "table" and #value == 0 then
            out[key] = read_table(schema[key], value or {}, name .. ".", problem)
        else
            problem(name, ("must be a table, not %s"):format(show(value)))
        end
    end
    return out
end

-- "lunatrix.lua:12: "
local function place_of(places, name)
    local line = (places.keys or {})[name:match("^[^.]*")] or places.line
    return places.file and ("%s:%d: "):format(places.file, line or 1) or ""
end

-- config as the schema has it; raises when it does not fit. places: of
-- script.config.
function M.read(schema, config, places)
    local problems = {}
    local read = read_table(schema, config, "", function(name, what)
        -- A script that is only looked at has no configuration to fit.
        if places.absent and what == "is missing" then return end
        problems[#problems + 1] = ("%sconfig: '%s' %s"):format(place_of(places, name), name, what)
    end)
    if #problems > 0 then
        core.raise(table.concat(problems, "\n", 1, math.min(#problems, MOST)))
    end
    return read
end

return M
