-- Users, devices, tokens, and what the server says of itself.

local host = require "homeserver.host"
local rooms = require "homeserver.rooms"

local M = {}

-- A new user; login gives it devices.
function M.add_user(server, user_id, password)
    server.users[user_id] = { user_id = user_id, password = password, devices = {} }
    return server.users[user_id]
end

function M.add_device(server, user, device_id)
    local device = user.devices[device_id]
    if device then server.tokens[device.token] = nil end
    device = device or { user_id = user.user_id, device_id = device_id, done = {} }
    device.token = "token-" .. server:next_id()
    user.devices[device_id] = device
    server.tokens[device.token] = device
    return device
end

-- Whose request this is; refuses as servers do.
function M.authorise(server, headers)
    local token = (headers.authorization or ""):match("^Bearer (.+)$")
    if not token then rooms.refuse(401, "M_MISSING_TOKEN", "Missing access token") end
    local device = server.tokens[token]
    if not device then
        rooms.refuse(401, "M_UNKNOWN_TOKEN", "Unknown access token", { soft_logout = false })
    end
    return device
end

M.ops = {}

function M.ops.versions()
    return { versions = { "v1.1", "v1.5", "v1.11", "v1.12" }, unstable_features = {} }
end

function M.ops.flows()
    return { flows = { { type = "m.login.password" } } }
end

function M.ops.register(server, request)
    local body = request.body
    local name = body.username or "user" .. server:next_id()
    local user_id = ("@%s:%s"):format(name, server.name)
    if not name:find("^[%l%d._=/+-]+$") then
        rooms.refuse(400, "M_INVALID_USERNAME", "User ID can only contain a-z, 0-9, or =_-./+")
    end
    if server.users[user_id] then
        rooms.refuse(400, "M_USER_IN_USE", "User ID already taken.")
    end
    if type(body.auth) ~= "table" or body.auth.type ~= "m.login.dummy" then
        error({ status = 401, body = { session = "register-" .. server:next_id(), params = {},
            flows = host.array({ { stages = host.array({ "m.login.dummy" }) } }) } }, 0)
    end
    local user = M.add_user(server, user_id, body.password)
    user.displayname = name
    if body.inhibit_login then return { user_id = user_id } end
    local device = M.add_device(server, user, body.device_id or "DEVICE" .. server:next_id())
    return { user_id = user_id, device_id = device.device_id, access_token = device.token }
end

function M.ops.login(server, request)
    local body = request.body
    local who = type(body.identifier) == "table" and body.identifier.user or body.user or ""
    local user = server.users[who:find("^@") and who or ("@%s:%s"):format(who, server.name)]
    if body.type ~= "m.login.password" then
        rooms.refuse(400, "M_UNKNOWN", "Unknown login type")
    end
    if not user or not user.password or user.password ~= body.password then
        rooms.refuse(403, "M_FORBIDDEN", "Invalid username or password")
    end
    local device = M.add_device(server, user, body.device_id or "DEVICE" .. server:next_id())
    return { user_id = user.user_id, device_id = device.device_id, access_token = device.token }
end

function M.ops.logout(server, request)
    local device = request.device
    server.tokens[device.token] = nil
    server.users[device.user_id].devices[device.device_id] = nil
    return {}
end

function M.ops.logout_all(server, request)
    local user = server.users[request.device.user_id]
    for id, device in pairs(user.devices) do
        server.tokens[device.token] = nil
        user.devices[id] = nil
    end
    return {}
end

function M.ops.whoami(_, request)
    return { user_id = request.device.user_id, device_id = request.device.device_id }
end

function M.ops.capabilities()
    return { capabilities = {} }
end

local function show_device(device)
    return { device_id = device.device_id, display_name = device.display_name }
end

function M.ops.devices(server, request)
    local list = host.array({})
    for _, device in pairs(server.users[request.device.user_id].devices) do
        list[#list + 1] = show_device(device)
    end
    table.sort(list, function(a, b) return a.device_id < b.device_id end)
    return { devices = list }
end

function M.ops.device(server, request, device_id)
    local device = server.users[request.device.user_id].devices[device_id]
    if not device then rooms.refuse(404, "M_NOT_FOUND", "No device found") end
    return show_device(device)
end

return M
