-- Arguments, checked against the description: a mistake raises at the line of
-- the script that made it.

local core = ...
local suggest = core.require "suggest"

local M = {}

local records = {}  -- record name -> its fields; filled by M.records
local parsed = {}   -- type text -> list of its alternatives

local function class_of(value)
    if type(value) ~= "table" then return nil end
    local name = getmetatable(value)
    return type(name) == "string" and name or nil
end

local function is_plain_table(value)
    return type(value) == "table" and class_of(value) == nil
end

local function is_duration(value)
    if type(value) == "number" then return value >= 0 and value < math.huge end
    return type(value) == "string" and core.require("time").parse(value) ~= nil
end

local simple = {
    any = function(v) return v ~= nil end,
    string = function(v) return type(v) == "string" end,
    number = function(v) return type(v) == "number" end,
    integer = function(v) return math.type(v) == "integer" end,
    boolean = function(v) return type(v) == "boolean" end,
    ["function"] = function(v) return type(v) == "function" end,
    table = is_plain_table,
    duration = is_duration,
    ["nil"] = function(v) return v == nil end,
}

local function alternatives(text)
    local list = parsed[text]
    if list then return list end
    list = {}
    for word in text:gmatch("[^|]+") do
        list[#list + 1] = { name = word:gsub("%[%]$", ""), list = word:sub(-2) == "[]" }
    end
    parsed[text] = list
    return list
end

local function is_one(name, value)
    if simple[name] then return simple[name](value) end
    if records[name] then return is_plain_table(value) end
    return class_of(value) == name
end

local function is_list(name, value)
    if not is_plain_table(value) then return false end
    for _, item in pairs(value) do
        if not is_one(name, item) then return false end
    end
    return true
end

-- nil when value has that type, or what is wrong with it.
function M.type(text, value)
    for _, t in ipairs(alternatives(text)) do
        if t.list and is_list(t.name, value) then return nil end
        if not t.list and is_one(t.name, value) then
            return records[t.name] and M.fields(records[t.name], value) or nil
        end
    end
    if text == "duration" and type(value) == "string" then
        return ("'%s' is no duration, such as 90, \"90s\", \"1h30m\" or \"7d\""):format(value)
    end
    local got = value == nil and "nothing" or class_of(value) or type(value)
    return ("%s expected, got %s"):format(text:gsub("|", " or "), got)
end

-- The same for a table with named fields: { { "ttl?", "duration" }, ... }.
function M.fields(fields, value)
    local known = {}
    for _, field in ipairs(fields) do
        local name, optional = field[1]:match("^(.-)(%??)$")
        known[name] = true
        local v = value[name]
        if v ~= nil or optional == "" then
            local wrong = M.type(field[2], v)
            if wrong then return ("'%s': %s"):format(name, wrong) end
        end
    end
    for key in pairs(value) do
        if not known[key] then
            return ("unknown field '%s'%s"):format(tostring(key), suggest.hint(key, known))
        end
    end
    return nil
end

-- Raises for the entry's parameter number i.
local function fail(entry, i, wrong)
    core.raise(("%s: argument %d, %s: %s"):format(
        entry.title, i, (entry.params[i][1]:gsub("%?$", "")), wrong))
end

local function check_param(entry, i, value)
    local param = entry.params[i]
    if value == nil and param.optional then return end
    local wrong
    if param.fields then
        wrong = is_plain_table(value) and M.fields(param.fields, value)
        if not is_plain_table(value) then wrong = M.type(param[2], value) end
    else
        wrong = M.type(param[2], value)
    end
    if wrong then
        if wrong:find("^unknown field") then core.raise(entry.title .. ": " .. wrong) end
        fail(entry, i, wrong)
    end
end
M.param = check_param

-- Keeps the frame that calls it: there a call that cannot wait finds the name
-- by which the script called.
local function pass(...)
    return ...
end

-- fn, with its arguments checked first. A method's object comes before them.
function M.wrap(entry, fn)
    local count = 0
    while entry.params[count + 1] and entry.params[count + 1][1]:sub(1, 3) ~= "..." do
        count = count + 1
    end
    if entry.unchecked then return fn end
    if not entry.method then
        return function(...)
            for i = 1, count do check_param(entry, i, (select(i, ...))) end
            return pass(fn(...))
        end
    end
    local class = entry.class
    return function(self, ...)
        if class_of(self) ~= class then
            core.raise(("%s: call it with a colon: %s(...)"):format(entry.title, entry.title))
        end
        for i = 1, count do check_param(entry, i, (select(i, ...))) end
        return pass(fn(self, ...))
    end
end

function M.set_records(list)
    for name, fields in pairs(list) do records[name] = fields end
end

return M
