-- Rooms: reads from the copy that sync keeps, and what goes to the server.

local core = ...
local account = core.require "account"
local class = core.require "class"
local event = core.require "event"
local member = core.require "member"
local message = core.require "message"
local naming = core.require "room_name"
local rooms = core.require "room_call"

local M = {}

local mt
local PAGE = 100
local post = rooms.post

-- These types are state wherever they are named as an action.
local STATE = {}
for name in ([[name topic avatar canonical_alias power_levels join_rules history_visibility
    guest_access encryption tombstone server_acl pinned_events create member
    third_party_invite]]):gmatch("%S+") do
    STATE["m.room." .. name] = true
end
STATE["m.space.child"], STATE["m.space.parent"] = true, true

local function done(result, err)
    if result == nil then return nil, err end
    return true
end

local methods = {}

-- ---- reads ----

function methods.name(self) return naming.of(self) end

local function state_text(room, event_type, key)
    local content = room:state(event_type)
    local value = content and content[key]
    return type(value) == "string" and value ~= "" and value or nil
end

function methods.topic(self) return state_text(self, "m.room.topic", "topic") end
function methods.alias(self) return state_text(self, "m.room.canonical_alias", "alias") end
function methods.is_space(self) return state_text(self, "m.room.create", "type") == "m.space" end

function methods.version(self)
    if not self:state("m.room.create") then return nil end
    return state_text(self, "m.room.create", "room_version") or "1"
end

function methods.is_direct(self)
    local info = rooms.info(self)
    return info ~= nil and info.direct == true
end

function methods.is_encrypted(self)
    local info = rooms.info(self)
    return info ~= nil and info.encrypted == true
end

function methods.state(self, event_type, key)
    local found = rooms.read(self, "room.state", { type = event_type, state_key = key or "" })
    return found and type(found.content) == "table" and found.content or nil
end

function methods.states(self, event_type)
    local rows, at, after, over = {}, 0, nil, false
    return function()
        at = at + 1
        if not rows[at] and not over then
            local args = { type = event_type, after = after, max = PAGE }
            rows = rooms.read(self, "room.states", args) or {}
            at, over = 1, #rows < PAGE
            after = rows[#rows] and rows[#rows].state_key
        end
        local row = rows[at]
        if not row then
            rows = {}
            return nil
        end
        return row.state_key, type(row.content) == "table" and row.content or {}
    end
end

function methods.power(self, user_id)
    account.check_user("room:power", user_id)
    local level = rooms.read(self, "room.power", { user_id = user_id })
    return level == "creator" and math.huge or level or 0
end

function methods.required_power(self, action)
    if action == "send" then action = "m.room.message" end
    return rooms.read(self, "room.required_power", { action = action, state = STATE[action] }) or 0
end

function methods.can(self, user_id, action)
    return self:power(user_id) >= self:required_power(action)
end

-- ---- members ----

function methods.member(self, user_id)
    local content = self:state("m.room.member", user_id)
    if not content then
        local ok, err = rooms.call(self, "room.members", {})
        if not ok then return nil, err end
        content = self:state("m.room.member", user_id)
    end
    return content and member.new(self, user_id, content)
end

function methods.members(self, opts)
    local wanted = opts and opts.membership or "join"
    local states
    return function()
        if not states then
            local ok, err = rooms.call(self, "room.members", {}, opts)
            if not ok then error(err, 0) end
            states = self:states("m.room.member")
        end
        for user_id, content in states do
            if wanted == "all" or content.membership == wanted then
                return member.new(self, user_id, content)
            end
        end
        return nil
    end
end

-- ---- writes ----

function methods.send(self, x, opts)
    return post(self, "m.room.message", message.build(x, { msgtype = "m.text" }),
        message.options(x, opts))
end

function methods.notice(self, x, opts)
    return post(self, "m.room.message", message.build(x, { msgtype = "m.notice" }),
        message.options(x, opts))
end

function methods.send_event(self, event_type, content, opts)
    return post(self, event_type, content, opts or {})
end

function methods.redact(self, event_id, reason, opts)
    local result, err = rooms.call(self, "room.redact",
        { event_id = event_id, reason = reason }, opts)
    if not result then return nil, err end
    local content = { redacts = event_id, reason = reason }
    return event.sent(self, result.event_id, "m.room.redaction", content)
end

function methods.set_state(self, event_type, content, key, opts)
    local result, err = rooms.call(self, "room.set_state",
        { type = event_type, content = content, state_key = key or "" }, opts)
    if not result then return nil, err end
    local sent = event.sent(self, result.event_id, event_type, content)
    rawset(sent, "state_key", key or "")
    return sent
end

for _, action in ipairs({ "invite", "kick", "ban", "unban" }) do
    methods[action] = function(self, user_id, reason, opts)
        account.check_user("room:" .. action, user_id)
        return done(rooms.call(self, "room.membership",
            { action = action, user_id = user_id, reason = reason }, opts))
    end
end

function methods.join(self, opts)
    return done(rooms.join(self, opts))
end

function methods.leave(self, reason, opts)
    return done(rooms.call(self, "room.leave", { reason = reason }, opts))
end

-- ---- making them ----

mt = class.define("Room", {
    what = "a room",
    methods = methods,
    fields = {
        room_id = function(self) return account.resolved(self.address) end,
        membership = function(self)
            local info = rooms.info(self)
            return info and info.membership
        end,
    },
    text = function(self)
        if self.room_id == rooms.NOWHERE then return "no admin room" end
        return self:name() or self.room_id or self.address
    end,
    equal = function(a, b)
        return a.room_id ~= nil and a.room_id == b.room_id or rawequal(a, b)
    end,
})

-- A room by its ID or alias.
function M.new(name)
    if name:sub(1, 1) == "#" then return setmetatable({ address = name }, mt) end
    return setmetatable({ room_id = name, address = name }, mt)
end

-- In place of an admin room when the account has none: sends become log lines.
function M.log_room()
    return setmetatable({ room_id = rooms.NOWHERE, address = rooms.NOWHERE }, mt)
end

return M
