-- The rooms that a bot's configuration names: in `lunatrix try` they exist, or
-- a bot that posts to one could not be tried at all.

local core = ...

local M = {}

local function collect(value, found)
    if type(value) == "table" then
        for _, inner in pairs(value) do collect(inner, found) end
    elseif type(value) == "string" and value:find("^[#!][^%s:]+:%S+$") then
        found[value] = true
    end
end

-- Aliases and room IDs in a configuration (JSON), sorted.
function M.find(config)
    local found, list = {}, {}
    collect(config and core.json_decode(config) or {}, found)
    for name in pairs(found) do list[#list + 1] = name end
    table.sort(list)
    return list
end

-- What makes such a room: "#ops:example.org" is called ops.
function M.options(name, user_id)
    local opts = { name = name:match("^.([^:]+)"), members = core.array({ user_id }) }
    opts[name:sub(1, 1) == "#" and "full_alias" or "room_id"] = name
    return opts
end

return M
