-- What a test or a person at the keyboard does to the server: people who say
-- things, faults, answers of other sites. Arguments and results are JSON.

local events = require "homeserver.event_ops"
local faults = require "homeserver.faults"
local host = require "homeserver.host"
local login = require "homeserver.login"
local members = require "homeserver.member_ops"
local relations = require "homeserver.relations"
local router = require "homeserver.router"

local M = {}

local function person(server, user_id)
    if not server.users[user_id] then
        local user = login.add_user(server, user_id)
        user.displayname = user_id:match("^@([^:]+)")
    end
    return user_id
end

-- A user with one device, logged in: the account under test.
function M.account(server, user_id)
    person(server, user_id)
    return { access_token = login.add_device(server, server.users[user_id], "BOT").token }
end

-- A room of a person, with the account (and more people) in it.
-- opts: members, state = { { type, content, state_key? } }, name, alias (or
-- full_alias, of another server), room_id, direct, encrypted,
-- power = { [user] = level }, invited: the account is only invited.
function M.room(server, account, opts)
    local creator = person(server, (opts.members or {})[1] or "@admin:" .. server.name)
    local initial = {}
    if opts.encrypted then
        initial[1] = { type = "m.room.encryption",
            content = { algorithm = "m.megolm.v1.aes-sha2" } }
    end
    for _, event in ipairs(opts.state or {}) do initial[#initial + 1] = event end
    local room = members.create(server, creator, {
        name = opts.name, room_alias_name = opts.alias, initial_state = initial,
        preset = "private_chat",
    }, { room_id = opts.room_id, alias = opts.full_alias })
    local function bring(user_id, invited)
        members.change(server, room, creator, user_id, "invite", { is_direct = opts.direct })
        if not invited then members.change(server, room, user_id, user_id, "join") end
    end
    for i = 2, #(opts.members or {}) do bring(person(server, opts.members[i])) end
    bring(person(server, account), opts.invited)
    if opts.power then
        local levels = {}
        for key, value in pairs(room:get("m.room.power_levels").content) do levels[key] = value end
        local users = { [creator] = 100 }
        for user_id, level in pairs(opts.power) do users[user_id] = level end
        levels.users = users
        server:add(room, { type = "m.room.power_levels", sender = creator, state_key = "",
            content = levels })
    end
    return { room_id = room.room_id }
end

function M.send(server, room_id, user_id, kind, content)
    local room = server:room(room_id)
    relations.check(room, user_id, kind, content)
    return { event_id = events.send(server, room, user_id, kind, content).event_id }
end

function M.redact(server, room_id, user_id, event_id, reason)
    local room = server:room(room_id)
    if not room.by_id[event_id] then error("Could not find event " .. event_id, 0) end
    return { event_id = events.redact(server, room, user_id, event_id, reason).event_id }
end

-- A person who is not invited is let in all the same: tests are about the bot.
function M.join(server, room_id, user_id)
    local room = server:room(room_id)
    person(server, user_id)
    if room:membership(user_id) ~= "invite" then
        local creator = room:get("m.room.create").sender
        server:add(room, { type = "m.room.member", sender = creator, state_key = user_id,
            content = { membership = "invite" } })
    end
    return { event_id = members.change(server, room, user_id, user_id, "join").event_id }
end

function M.member(server, room_id, actor, target, membership, reason)
    local room = server:room(room_id)
    person(server, target)
    local event = members.change(server, room, actor, target, membership, { reason = reason })
    return { event_id = event.event_id }
end

function M.membership(server, room_id, user_id)
    return { membership = server:room(room_id):membership(user_id) }
end

-- By whoever created the room, who may do everything.
function M.set_state(server, room_id, kind, content, state_key)
    local room = server:room(room_id)
    local creator = room:get("m.room.create").sender
    return { event_id =
        server:add(room, { type = kind, sender = creator, content = content,
            state_key = state_key or "" }).event_id }
end

function M.get_state(server, room_id, kind, state_key)
    local event = server:room(room_id):get(kind, state_key)
    return { content = event and event.content }
end

-- All events of a room, oldest first, state too.
function M.timeline(server, room_id)
    local out = host.array({})
    for _, event in ipairs(server:room(room_id).events) do
        out[#out + 1] = server:full(event)
    end
    return out
end

function M.rooms(server)
    local out = host.array({})
    for _, room in ipairs(server.room_list) do out[#out + 1] = room.room_id end
    return out
end

-- Of the newest event: another when anything happened.
function M.position(server)
    return { position = server.position }
end

-- hex: the bytes, two digits each.
function M.upload(server, kind, name, hex)
    local id = "media" .. server:next_id()
    server.media[id] = { name = name, type = kind, bytes = hex:gsub("%x%x", function(digits)
        return string.char(tonumber(digits, 16))
    end) }
    return { content_uri = ("mxc://%s/%s"):format(server.name, id) }
end

local function require_operation(op)
    if op ~= "any" and not router.operations[op] then
        error(("there is no operation '%s'"):format(op), 0)
    end
end

function M.fail_next(server, op, fault)
    require_operation(op)
    local status = fault.status or (fault.errcode == "M_LIMIT_EXCEEDED" and 429)
        or (fault.errcode == "M_FORBIDDEN" and 403) or (fault.errcode == "M_NOT_FOUND" and 404)
        or 500
    faults.add(server, { op = op, times = fault.times, status = status, body = {
        errcode = fault.errcode or "M_UNKNOWN", error = fault.error or "made to fail",
        retry_after_ms = fault.retry_after_ms,
    } })
    return {}
end

function M.drop_next(server, op)
    require_operation(op)
    faults.add(server, { op = op, drop = true })
    return {}
end

function M.http(server, url, reply)
    server.web[url] = reply
    return {}
end

function M.http_log(server)
    return host.array(server.web_log)
end

-- Requests that wait: one long poll at rest.
function M.parked(server)
    return { count = #server.parked }
end

return M
