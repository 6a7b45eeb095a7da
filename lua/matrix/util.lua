-- matrix.split, matrix.keys, matrix.inspect

local core = ...
local read_only = core.require "read_only"

local M = {}

-- Without a separator: the words.
function M.split(text, separator)
    local out = setmetatable({}, core.array_metatable)
    if separator == nil then
        for word in text:gmatch("%S+") do out[#out + 1] = word end
        return out
    end
    if separator == "" then core.raise("matrix.split: the separator is empty") end
    local at = 1
    while true do
        local from, to = text:find(separator, at, true)
        out[#out + 1] = text:sub(at, (from or 0) - 1)
        if not from then return out end
        at = to + 1
    end
end

local function by_kind_and_value(a, b)
    local x, y = math.type(a) and "" or type(a), math.type(b) and "" or type(b)
    if x ~= y then return x < y end
    if x == "" or x == "string" then return a < b end
    return tostring(a) < tostring(b)
end

-- Sorted: numbers, then the rest by type.
function M.keys(t)
    local out = setmetatable({}, core.array_metatable)
    for key in next, read_only.open(t) do out[#out + 1] = key end
    table.sort(out, by_kind_and_value)
    return out
end

-- ---- inspect ----

local DEPTH = 8
local WIDTH = 78

local words = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat
    return then true until while]]):gmatch("%S+") do
    words[word] = true
end

local escapes = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\\"] = "\\\\", ['"'] = '\\"' }

local function quote(text)
    return '"' .. text:gsub('[%c"\\]', function(c)
        return escapes[c] or ("\\x%02X"):format(c:byte())
    end) .. '"'
end

local show

local function show_key(key, depth, open)
    if type(key) == "string" and key:find("^[%a_][%w_]*$") and not words[key] then return key end
    return "[" .. show(key, depth, open) .. "]"
end

local function parts_of(t, depth, open)
    local parts = {}
    for i, value in ipairs(t) do parts[i] = show(value, depth, open) end
    local listed = #parts
    for _, key in ipairs(M.keys(t)) do
        if math.type(key) ~= "integer" or key < 1 or key > listed then
            parts[#parts + 1] = ("%s = %s"):format(
                show_key(key, depth, open), show(rawget(t, key), depth, open))
        end
    end
    return parts
end

local function join(parts, depth)
    local line = "{ " .. table.concat(parts, ", ") .. " }"
    if #line + 4 * depth <= WIDTH and not line:find("\n") then return line end
    local indent = ("\n" .. ("    "):rep(depth))
    return "{" .. indent .. "    " .. table.concat(parts, "," .. indent .. "    ") .. ","
        .. indent .. "}"
end

-- open: the tables around this one.
function show(value, depth, open)
    if type(value) == "string" then return quote(value) end
    if value == core.null then return "null" end
    value = read_only.open(value)
    local plain = type(value) == "table" and (getmetatable(value) == nil
        or getmetatable(value) == core.array_metatable)
    if not plain then return tostring(value) end
    if next(value) == nil then return "{}" end
    if open[value] then return "{ (itself) }" end
    if depth >= DEPTH then return "{ ... }" end
    open[value] = true
    local parts = parts_of(value, depth + 1, open)
    open[value] = nil
    return join(parts, depth)
end

function M.inspect(value)
    return show(value, 0, {})
end

return M
