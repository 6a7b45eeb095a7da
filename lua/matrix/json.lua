-- matrix.json, matrix.array, matrix.is_array

local core = ...
local err = core.require "error"
local plain = core.require "plain"
local read_only = core.require "read_only"

local M = {}

-- Text, or nil and why not ("votes[3] is a function").
function M.write(value, flags)
    local ok, text = pcall(core.json_encode, value, flags)
    if ok then return text end
    local file, line = core.where()
    local place = file and ("%s:%d: "):format(file, line) or ""
    text = tostring(text)
    return nil, text:sub(1, #place) == place and text:sub(#place + 1) or text
end

local function encode(value, opts)
    if getmetatable(value) == "Memory" then value = plain.copy(value, "bot.memory") end
    local text, message = M.write(value, opts and opts.pretty and "ps" or "")
    if text then return text end
    return nil, err.new("json", "cannot write JSON: " .. message)
end

local function decode(text)
    local value, message = core.json_decode(text)
    if value == nil then return nil, err.new("json", message) end
    return value
end
M.decode = decode

function M.is_array(t)
    return type(t) == "table" and getmetatable(read_only.open(t)) == core.array_metatable
end

function M.array(t)
    return M.is_array(t) and t or setmetatable(t, core.array_metatable)
end

M.library = { encode = encode, decode = decode, null = core.null }

return M
