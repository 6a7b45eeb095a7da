-- A homeserver in the same process. It gets requests as they would go out and
-- answers through host.answer; see src/offline/transport_lua.h.

local host = require "homeserver.host"
local control = require "homeserver.control"
local faults = require "homeserver.faults"
local login = require "homeserver.login"
local rooms = require "homeserver.rooms"
local router = require "homeserver.router"
local sync = require "homeserver.sync"

local Server = {}
Server.__index = Server

local ops = {}
for _, name in ipairs({
    "login", "sync", "member_ops", "alias_ops", "event_ops", "read_ops", "data_ops", "profile_ops",
    "media_ops",
}) do
    for op, fn in pairs(require("homeserver." .. name).ops) do ops[op] = fn end
end
for op in pairs(router.operations) do assert(ops[op], op) end

local OPEN = { versions = true, flows = true, login = true, register = true }
local RAW = { upload = true } -- the body is no JSON

local server = setmetatable({
    name = "test", url = "https://test", position = 0, ids = 0,
    users = {}, tokens = {}, rooms = {}, room_list = {}, aliases = {},
    alias_creators = {}, media = {}, filters = {}, filter_list = {}, faults = {},
    web = {}, web_log = {}, parked = {},
}, Server)

function Server:now() -- luacheck: no self
    return host.now()
end

function Server:next_id()
    self.ids = self.ids + 1
    return self.ids
end

function Server:new_room(version, room_id)
    room_id = room_id or ("!room%d:%s"):format(self:next_id(), self.name)
    local room = rooms.new(room_id, version or "10")
    self.rooms[room.room_id] = room
    table.insert(self.room_list, room)
    return room
end

-- The room, or what servers say of one that is not there.
function Server:room(room_id)
    return self.rooms[room_id]
        or rooms.refuse(403, "M_FORBIDDEN", ("User not in room %s"):format(room_id))
end

-- Appends an event to a room's timeline, without a check.
function Server:add(room, event)
    self.position = self.position + 1
    event.position = self.position
    event.event_id = "$event" .. self:next_id()
    event.origin_server_ts = self:now()
    return room:append(event)
end

-- An event as it stands outside /sync: with its room.
function Server:full(event, device)
    local out = sync.show(self, event, device)
    out.room_id = event.room_id
    return out
end

-- ---- one request ----------------------------------------------------------

local function reply(request, status, body, raw)
    if request.drop then return host.lose(request.id) end
    if raw then return host.answer(request.id, status, raw.headers, raw.bytes) end
    host.answer(request.id, status, { ["content-type"] = "application/json" }, host.encode(body))
end

local function read_body(request)
    request.body = {}
    if request.raw == "" then return end
    local body = host.decode(request.raw)
    if type(body) ~= "table" then rooms.refuse(400, "M_NOT_JSON", "Content not JSON.") end
    request.body = body
end

-- Acts; answers, or parks the request when there is nothing to say yet.
local function serve(request)
    local ok, body, raw = pcall(function()
        if not OPEN[request.op] then
            request.device = login.authorise(server, request.headers)
        end
        if not request.body and not RAW[request.op] then read_body(request) end
        return ops[request.op](server, request, table.unpack(request.arguments))
    end)
    if ok and body == nil and not raw then return false end
    if ok then
        reply(request, 200, body, raw)
    elseif type(body) == "table" then
        reply(request, body.status, body.body)
    else
        reply(request, 500, { errcode = "M_UNKNOWN", error = tostring(body) })
    end
    return true
end

local function take(request)
    local fault = faults.strike(server, request.op)
    if fault and not fault.drop then return reply(request, fault.status, fault.body) end
    request.drop = fault ~= nil
    if not serve(request) then table.insert(server.parked, request) end
end

-- Asks what is parked again; milliseconds until that must be done, or nil.
local function look()
    local waiting, due = server.parked, nil
    server.parked = {}
    for _, request in ipairs(waiting) do
        if not serve(request) then table.insert(server.parked, request) end
    end
    for _, request in ipairs(server.parked) do
        local at = math.min(request.due, request.look or request.due)
        due = math.min(due or at, at)
    end
    return due and math.max(due - server:now(), 0)
end

local function other_site(id, method, url, body)
    local stub = faults.web(server, url)
    table.insert(server.web_log, { method = method, url = url, body = body })
    if not stub then return host.refuse(id, url) end
    host.answer(id, stub.status or 200, stub.headers or {}, stub.body or "")
end

local M = {}

-- Each gives back when it wants to be called again, in ms, or nil.
function M.request(id, method, url, headers, body)
    if url:sub(1, #server.url + 1) ~= server.url .. "/" then
        other_site(id, method, url, body)
        return look()
    end
    local op, arguments, query = router.find(method, url)
    local request = { id = id, op = op, arguments = arguments, query = query,
        headers = headers, raw = body }
    if op then
        take(request)
    else
        reply(request, router.has_path(url) and 405 or 404,
            { errcode = "M_UNRECOGNIZED", error = "Unrecognized request" })
    end
    return look()
end

M.look = look

function M.cancel(id)
    for i, request in ipairs(server.parked) do
        if request.id == id then table.remove(server.parked, i) break end
    end
    return look()
end

-- What whoever owns the server asks of it, beside HTTP: JSON in and out.
function M.control(name, text)
    local arguments = host.decode(text)
    for i = 1, #arguments do
        if arguments[i] == host.null then arguments[i] = nil end
    end
    local ok, result = pcall(control[name], server, table.unpack(arguments, 1, 8))
    if not ok then
        error(type(result) == "table" and result.body.error or result, 0)
    end
    return look(), host.encode(result)
end

return M
