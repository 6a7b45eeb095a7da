-- The description as annotations for editors (LuaLS): one file of Lua that is
-- never run. Returns a function that returns its text, or that of the module
-- "test".

local core = ...
local description = core.require "description"
description.extend("test")

local NAMESPACE = "matrix."
local GLOBAL = { bot = true, matrix = true }

-- What a class of the description is called there.
local function class_name(class)
    if class == "bot" then return NAMESPACE .. "Bot" end
    if class == "matrix" then return NAMESPACE .. "Library" end
    local inner = class:match("^matrix%.(.*)$")
    return NAMESPACE .. (inner and inner:gsub("^%l", string.upper) .. "Library" or class)
end

local known = {}
for _, class in ipairs(description.classes) do known[class] = class_name(class) end
for name in pairs(description.records) do known[name] = NAMESPACE .. name end

local function type_name(text)
    return (text:gsub("[%w_.]+", function(word)
        return word == "duration" and NAMESPACE .. "duration" or known[word] or word
    end))
end

local function comment(out, text)
    if text and text ~= "" then out[#out + 1] = "---" .. text:gsub("%s*\n%s*", " ") end
end

local function add_fields(out, fields)
    for _, field in ipairs(fields) do
        out[#out + 1] = ("---@field %s %s %s"):format(field[1], type_name(field[2]), field[3] or "")
    end
end

-- A table of options that has no name of its own gets one.
local function param_type(entry, param, before)
    if param.takes then return ("fun(%s)"):format(type_name(param.takes)) end
    if not param.fields then return type_name(param[2]) end
    local name = ("%s.%s.%s"):format(known[entry.class], entry.name, param[1]:gsub("%?$", ""))
    before[#before + 1] = "---@class " .. name
    add_fields(before, param.fields)
    before[#before + 1] = ""
    return name
end

local function add_call(out, entry)
    local body, names = {}, {}
    comment(body, entry.summary)
    if entry.fails then comment(body, " Errors: " .. table.concat(entry.fails, "; ") .. ".") end
    if entry.waits then body[#body + 1] = "---@async" end
    for _, param in ipairs(entry.params) do
        local name = param[1]:gsub("%?$", "")
        if name ~= "..." then names[#names + 1] = name else names[#names + 1] = "..." end
        body[#body + 1] = ("---@param %s%s %s %s"):format(name,
            param.optional and name ~= "..." and "?" or "", param_type(entry, param, out),
            param[3] or "")
    end
    for _, value in ipairs(entry.returns or {}) do
        body[#body + 1] = ("---@return %s%s %s %s"):format(type_name(value[2]),
            entry.fails and "?" or "", value[1], value[3] or "")
    end
    if entry.fails then body[#body + 1] = "---@return matrix.Error? err" end
    body[#body + 1] = ("function %s%s%s(%s) end"):format(known[entry.class]:gsub("%.", "_"),
        entry.method and ":" or ".", entry.name, table.concat(names, ", "))
    for _, line in ipairs(body) do out[#out + 1] = line end
    out[#out + 1] = ""
end

local function entries_of(class)
    local fields, calls = {}, {}
    for _, entry in ipairs(description.entries) do
        if entry.class == class then
            local list = entry.kind == "field" and fields or calls
            list[#list + 1] = entry
        end
    end
    return fields, calls
end

local function add_class(out, class)
    local fields, calls = entries_of(class)
    out[#out + 1] = "---@class " .. known[class]
    for _, entry in ipairs(fields) do
        out[#out + 1] = ("---@field %s %s %s"):format(entry.name, type_name(entry.type),
            entry.summary or "")
    end
    -- matrix.http is a field of matrix.
    if class == "matrix" then
        for _, inner in ipairs(description.classes) do
            local name = inner:match("^matrix%.(.*)$")
            local described = name and description.find("matrix", name)
            if name and not described then
                out[#out + 1] = ("---@field %s %s"):format(name, known[inner])
            end
        end
    end
    out[#out + 1] = ("local %s = {}"):format(known[class]:gsub("%.", "_"))
    out[#out + 1] = ""
    for _, entry in ipairs(calls) do add_call(out, entry) end
end

local function sorted_keys(map)
    local keys = {}
    for key in pairs(map) do keys[#keys + 1] = key end
    table.sort(keys)
    return keys
end

-- `require "matrix.test"`; its classes are with the others.
local TEST = [[
---@meta matrix.test
-- Made by `lunatrix types`; changes here are lost.

---@type %s
local test = {}

return test
]]

return function(module)
    if module == "test" then return TEST:format(known.test) end
    local out = {
        "---@meta matrix", "-- Made by `lunatrix types`; changes here are lost.", "",
        "---@alias matrix.duration number|string seconds, or text like \"1h30m\"", "",
    }
    for _, name in ipairs(sorted_keys(description.records)) do
        out[#out + 1] = "---@class matrix." .. name
        add_fields(out, description.records[name])
        out[#out + 1] = ""
    end
    for _, class in ipairs(description.classes) do add_class(out, class) end
    for _, name in ipairs(sorted_keys(GLOBAL)) do
        out[#out + 1] = "---@type " .. known[name]
        out[#out + 1] = name .. " = {}"
        out[#out + 1] = ""
    end
    out[#out + 1] = "return matrix"
    return (table.concat(out, "\n"):gsub(" +\n", "\n")) .. "\n"
end
