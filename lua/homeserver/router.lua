-- Which operation a request is, and its arguments out of the URL.

local M = {}

local ROUTES = [[
GET  /_matrix/client/versions versions
GET  /_matrix/client/v3/login flows
POST /_matrix/client/v3/login login
POST /_matrix/client/v3/logout logout
POST /_matrix/client/v3/logout/all logout_all
GET  /_matrix/client/v3/account/whoami whoami
GET  /_matrix/client/v3/capabilities capabilities
POST /_matrix/client/v3/user/*/filter filter
GET  /_matrix/client/v3/sync sync
POST /_matrix/client/v3/createRoom create
POST /_matrix/client/v3/join/* join
GET  /_matrix/client/v3/joined_rooms joined_rooms
GET  /_matrix/client/v3/directory/room/* alias
PUT  /_matrix/client/v3/directory/room/* set_alias
GET  /_matrix/client/v3/profile/* profile
POST /_matrix/client/v3/rooms/*/join join
POST /_matrix/client/v3/rooms/*/leave leave
POST /_matrix/client/v3/rooms/*/invite invite
POST /_matrix/client/v3/rooms/*/kick kick
POST /_matrix/client/v3/rooms/*/ban ban
POST /_matrix/client/v3/rooms/*/unban unban
GET  /_matrix/client/v3/rooms/*/members members
GET  /_matrix/client/v3/rooms/*/joined_members joined_members
GET  /_matrix/client/v3/rooms/*/messages messages
GET  /_matrix/client/v3/rooms/*/event/* event
GET  /_matrix/client/v3/rooms/*/state get_states
GET  /_matrix/client/v3/rooms/*/state/* get_state
GET  /_matrix/client/v3/rooms/*/state/*/* get_state
PUT  /_matrix/client/v3/rooms/*/state/* state
PUT  /_matrix/client/v3/rooms/*/state/*/* state
PUT  /_matrix/client/v3/rooms/*/send/*/* send
PUT  /_matrix/client/v3/rooms/*/redact/*/* redact
POST /_matrix/client/v3/register register
GET  /_matrix/client/v3/devices devices
GET  /_matrix/client/v3/devices/* device
GET  /_matrix/client/v3/user/*/filter/* get_filter
DELETE /_matrix/client/v3/directory/room/* delete_alias
GET  /_matrix/client/v3/rooms/*/aliases aliases
POST /_matrix/client/v3/rooms/*/forget forget
GET  /_matrix/client/v3/profile/*/* profile_field
PUT  /_matrix/client/v3/profile/*/* set_profile_field
PUT  /_matrix/client/v3/rooms/*/typing/* typing
POST /_matrix/client/v3/rooms/*/receipt/*/* receipt
POST /_matrix/client/v3/rooms/*/read_markers read_markers
GET  /_matrix/client/v3/user/*/account_data/* get_data
PUT  /_matrix/client/v3/user/*/account_data/* set_data
GET  /_matrix/client/v3/user/*/rooms/*/account_data/* get_room_data
PUT  /_matrix/client/v3/user/*/rooms/*/account_data/* set_room_data
PUT  /_matrix/client/v3/sendToDevice/*/* to_device
GET  /_matrix/client/v3/rooms/*/context/* context
GET  /_matrix/client/v1/rooms/*/relations/* relations
GET  /_matrix/client/v1/rooms/*/relations/*/* relations
GET  /_matrix/client/v1/rooms/*/relations/*/*/* relations
POST /_matrix/media/v3/upload upload
GET  /_matrix/client/v1/media/config media_config
GET  /_matrix/client/v1/media/download/*/* download
GET  /_matrix/client/v1/media/download/*/*/* download
]]

local function split(path)
    local parts = {}
    for part in path:gmatch("/([^/]*)") do parts[#parts + 1] = part end
    return parts
end

local routes = {} -- method and number of parts -> { { parts, op } }
M.operations = {}
for method, path, op in ROUTES:gmatch("(%u+) +(%S+) (%S+)\n") do
    local parts = split(path)
    local key = method .. #parts
    routes[key] = routes[key] or {}
    table.insert(routes[key], { parts = parts, op = op })
    M.operations[op] = true
end

local function decode(text)
    return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function match(route, parts)
    local arguments = {}
    for i, part in ipairs(route.parts) do
        if part == "*" then
            arguments[#arguments + 1] = decode(parts[i])
        elseif part ~= parts[i] then
            return nil
        end
    end
    return arguments
end

function M.query(text)
    local query = {}
    for key, value in (text or ""):gmatch("([^&=]+)=([^&]*)") do
        query[decode(key)] = decode((value:gsub("+", " ")))
    end
    return query
end

local function path_of(url)
    return url:match("^%a+://[^/]+(/[^?]*)%??(.*)$")
end

-- Does any method answer there?
function M.has_path(url)
    local parts = split(path_of(url) or "")
    for _, method in ipairs({ "GET", "PUT", "POST", "DELETE" }) do
        for _, route in ipairs(routes[method .. #parts] or {}) do
            if match(route, parts) then return true end
        end
    end
    return false
end

-- Operation, arguments, query; nil where nobody answers.
function M.find(method, url)
    local path, query = path_of(url)
    local parts = split(path or "")
    for _, route in ipairs(routes[method .. #parts] or {}) do
        local arguments = match(route, parts)
        if arguments then
            -- An empty state key may leave a slash behind.
            return route.op, arguments, M.query(query)
        end
    end
    return nil
end

return M
