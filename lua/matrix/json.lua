-- matrix.json, matrix.array, matrix.is_array

local core = ...
local err = core.require "error"
local plain = core.require "plain"

local M = {}

local function encode(value, opts)
    if getmetatable(value) == "Memory" then value = plain.copy(value, "bot.memory") end
    local ok, text = pcall(core.json_encode, value, opts and opts.pretty and "ps" or "")
    if ok then return text end
    return nil, err.new("json", "cannot write JSON: " .. tostring(text))
end

local function decode(text)
    local value, message = core.json_decode(text)
    if value == nil then return nil, err.new("json", message) end
    return value
end
M.decode = decode

function M.array(t)
    return setmetatable(t, core.array_metatable)
end

function M.is_array(t)
    return type(t) == "table" and getmetatable(t) == core.array_metatable
end

M.library = { encode = encode, decode = decode, null = core.null }

return M
