-- Asks a homeserver, and writes down what it answers in words that are the
-- same on every server: identifiers by the order in which they turn up, no
-- times, no texts meant for people. compare.py holds two such lists together.

local M = {}

local V3 = "/_matrix/client/v3"

local case_name
local lines = {}

-- ---- words that are the same everywhere ----

local names, counts

local function forget()
    names, counts = {}, {}
end

local function name_for(id, kind)
    if not names[id] then
        counts[kind] = (counts[kind] or 0) + 1
        names[id] = kind .. counts[kind]
    end
    return names[id]
end

-- How an identifier is written down.
function M.call_it(id, name)
    names[id] = name
end

local function plain_text(text)
    if names[text] then return names[text] end
    if text:find("^%$") then return name_for(text, "$event") end
    if text:find("^!") then return name_for(text, "!room") end
    if text:find("^mxc://") then return name_for(text, "mxc") end
    return text
end

local DROPPED = {
    origin_server_ts = true, age = true, age_ts = true, ts = true, unsigned = true,
    user_id = false, displayname = false,
}

local function write(value)
    if value == nil or value == matrix.json.null then return "null" end
    if type(value) == "string" then return ("%q"):format(plain_text(value)) end
    if type(value) ~= "table" then return tostring(value) end
    local parts = {}
    if matrix.is_array(value) or #value > 0 then
        for i, item in ipairs(value) do parts[i] = write(item) end
        return "[" .. table.concat(parts, ",") .. "]"
    end
    local keys = {}
    for key in pairs(value) do keys[#keys + 1] = key end
    table.sort(keys)
    for _, key in ipairs(keys) do
        if not DROPPED[key] then
            parts[#parts + 1] = plain_text(key) .. "=" .. write(value[key])
        end
    end
    return "{" .. table.concat(parts, ",") .. "}"
end

-- Writes a line: what was asked, and what came of it.
function M.note(step, ...)
    local parts = {}
    for i = 1, select("#", ...) do parts[i] = write((select(i, ...))) end
    lines[#lines + 1] = ("%s\t%s\t%s"):format(case_name, step, table.concat(parts, " "))
end

-- ---- asking ----

local Person = {}
Person.__index = Person

-- Status, decoded body.
function Person:ask(method, path, body, query)
    if path:sub(1, 1) ~= "/" then error(path) end
    if not path:find("^/_matrix") then path = V3 .. path end
    local got, extra = self.client:request(method, path, { body = body, query = query })
    if got == nil then
        if not extra.status then error(extra, 0) end
        return extra.status, extra.body or { errcode = extra.errcode }
    end
    return extra.status, got
end

local function dig(value, path)
    for key in path:gmatch("[^.]+") do
        value = type(value) == "table" and value[tonumber(key) or key] or nil
    end
    return value
end

-- Asks, and writes down the status, the errcode, and these fields of the
-- body ("a.b", numbers count lists). Gives back the body.
function Person:check(step, method, path, opts)
    opts = opts or {}
    local status, body = self:ask(method, path, opts.body, opts.query)
    local parts = { status, body.errcode or matrix.json.null }
    for _, field in ipairs(opts.show or {}) do parts[#parts + 1] = dig(body, field) or "-" end
    M.note(self.name .. " " .. step, table.unpack(parts))
    return body, status
end

-- As check, for what only prepares: it must work.
function Person:must(method, path, body, query)
    local status, got = self:ask(method, path, body, query)
    if status ~= 200 then
        error(("%s: %s %s: %d %s"):format(case_name, method, path, status, tostring(got.error)), 0)
    end
    return got
end

local function segment(text)
    return (text:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end
M.segment = segment

function M.path(format, ...)
    local parts = { ... }
    for i, part in ipairs(parts) do parts[i] = segment(part) end
    return format:format(table.unpack(parts))
end

-- ---- people ----

local run, serial = matrix.uuid():sub(1, 8), 0

-- A new user, logged in.
function M.person(name)
    serial = serial + 1
    local localpart = ("%s-%s-%d"):format(name, run, serial)
    local password = "wonderland-" .. localpart
    local client = assert(matrix.client{ homeserver = M.url })
    local person = setmetatable({ name = name, client = client, password = password,
        localpart = localpart }, Person)
    local status, body = person:ask("POST", "/register", {
        username = localpart, password = password, inhibit_login = true,
        auth = { type = "m.login.dummy" },
    })
    if status ~= 200 then error(("register: %d %s"):format(status, tostring(body.error)), 0) end
    local login = assert(client:login{ user = localpart, password = password })
    person.user_id, person.device_id = login.user_id, login.device_id
    M.call_it(person.user_id, "@" .. name)
    M.call_it(localpart, name)
    M.call_it(person.device_id, name .. "'s device")
    M.call_it(person.user_id:match(":(.+)$"), "server")
    return person
end

-- Somebody who is not logged in.
function M.stranger()
    return setmetatable({ name = "nobody",
        client = assert(matrix.client{ homeserver = M.url }) }, Person)
end

-- Of version 10, unless opts say otherwise: the default is the server's choice.
function Person:create_room(opts)
    opts = opts or { preset = "private_chat" }
    opts.room_version = opts.room_version or "10"
    local room_id = self:must("POST", "/createRoom", opts).room_id
    name_for(room_id, "!room")
    return room_id
end

function Person:join(room_id)
    return self:must("POST", M.path("/join/%s", room_id), {})
end

-- A private room with these people in it.
function Person:room_with(others, opts)
    local room_id = self:create_room(opts)
    for _, other in ipairs(others) do
        self:must("POST", M.path("/rooms/%s/invite", room_id), { user_id = other.user_id })
        other:join(room_id)
    end
    return room_id
end

local txn = 0

function M.txn_id()
    txn = txn + 1
    return ("%s-%d"):format(run, txn)
end

function Person:send(room_id, content, kind)
    if type(content) == "string" then content = { msgtype = "m.text", body = content } end
    local path = M.path("/rooms/%s/send/%s/%s", room_id, kind or "m.room.message", M.txn_id())
    return self:must("PUT", path, content).event_id
end

-- What is new for somebody; since: nil the first time. A server may remember
-- its answer to a first sync, so no two of them ask the same.
local first = 100

function Person:sync(since, filter)
    filter = filter or { room = { timeline = {} } }
    if not since then
        first = first + 1
        filter.presence = { limit = first }
    end
    return self:must("GET", "/sync", nil, { since = since, timeout = 0,
        filter = matrix.json.encode(filter) })
end

-- Syncs until found(body) is true, collecting nothing: some things take a
-- server a moment. Gives back the body.
function Person:sync_until(since, found, filter)
    for _ = 1, 40 do
        local body = self:must("GET", "/sync", nil, { since = since, timeout = 500,
            filter = filter and matrix.json.encode(filter) })
        if found(body) then return body end
        since = body.next_batch
    end
    error(case_name .. ": nothing came by sync", 0)
end

-- Type, sender, state key and content of events.
function M.events(list)
    local out = {}
    for i, ev in ipairs(list or {}) do
        out[i] = { type = ev.type, sender = ev.sender, state_key = ev.state_key,
            content = ev.content, redacts = ev.redacts }
    end
    return setmetatable(out, getmetatable(matrix.array{}))
end

-- ---- running ----

local cases = {}

function M.case(name, fn)
    cases[#cases + 1] = { name = name, fn = fn }
end

function M.run(url)
    M.url = url
    for _, case in ipairs(cases) do
        case_name = case.name
        forget()
        local ok, message = xpcall(case.fn, function(e)
            return type(e) == "table" and e or debug.traceback(tostring(e))
        end)
        if not ok then M.note("the case broke off", tostring(message)) end
    end
    for _, line in ipairs(lines) do print((line:gsub("[\r\n]", " "))) end
end

return M
