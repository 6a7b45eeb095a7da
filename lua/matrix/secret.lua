-- Secrets: print as (secret); the API takes them where it takes their text.

local core = ...
local class = core.require "class"
local read_only = core.require "read_only"

local M = {}

local texts = setmetatable({}, { __mode = "k" })

local mt = class.define("Secret", {
    what = "a secret",
    methods = { reveal = function(self) return texts[self] end },
    text = function() return "(secret)" end,
    equal = function(a, b) return texts[a] == texts[b] end,
})

function M.new(text)
    local self = setmetatable({}, mt)
    texts[self] = text
    return self
end

-- "Bearer " .. secret is a secret too.
function mt.__concat(a, b)
    return M.new(M.text(a) .. M.text(b))
end

function mt.__len(self)
    return #texts[self]
end

-- The text of a secret, or the value itself.
function M.text(value)
    return texts[value] or value
end

-- A copy of a table in which secrets are their texts.
function M.reveal_all(t)
    if texts[t] then return texts[t] end
    t = read_only.open(t)
    if type(t) ~= "table" or type(getmetatable(t)) == "string" then return t end
    local out = setmetatable({}, getmetatable(t))
    for key, value in next, t do out[key] = M.reveal_all(value) end
    return out
end

-- matrix.secret(name)
function M.get(name)
    local text, err = core.call("secret.get", { name = name })
    if not text then return nil, err end
    return M.new(text)
end

return M
