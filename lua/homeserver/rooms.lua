-- A room: its events, and the state that follows from them.

local M = {}

local Room = {}
Room.__index = Room

local DEFAULTS = {
    users_default = 0, events_default = 0, state_default = 50,
    ban = 50, kick = 50, invite = 0, redact = 50,
}

-- Raised by whoever cannot do what was asked; caught where requests enter.
function M.refuse(status, errcode, message, more)
    local body = { errcode = errcode, error = message }
    for key, value in pairs(more or {}) do body[key] = value end
    error({ status = status, body = body }, 0)
end

function M.new(room_id, version)
    return setmetatable({
        room_id = room_id, version = version, events = {}, by_id = {}, state = {},
    }, Room)
end

local function key_of(kind, state_key)
    return kind .. "\0" .. state_key
end

function Room:get(kind, state_key)
    return self.state[key_of(kind, state_key or "")]
end

function Room:membership(user_id)
    local event = self:get("m.room.member", user_id)
    return event and event.content.membership
end

-- All state events, in the order in which they came.
function Room:list_state(before)
    local newest, out = {}, {}
    for i, event in ipairs(self.events) do
        if before and event.position > before then break end
        if event.state_key then newest[key_of(event.type, event.state_key)] = i end
    end
    local places = {}
    for _, i in pairs(newest) do places[#places + 1] = i end
    table.sort(places)
    for _, i in ipairs(places) do out[#out + 1] = self.events[i] end
    return out
end

function Room:members(membership)
    local out = {}
    for _, event in ipairs(self:list_state()) do
        if event.type == "m.room.member"
            and (not membership or event.content.membership == membership) then
            out[#out + 1] = event
        end
    end
    return out
end

local function level(value, default)
    return math.type(value) == "integer" and value or default
end

function Room:level(name)
    local event = self:get("m.room.power_levels")
    if not event and name == "state_default" then return 0 end
    return level(event and event.content[name], DEFAULTS[name])
end

function Room:power(user_id)
    local event = self:get("m.room.power_levels")
    local create = self:get("m.room.create")
    if not event then return create and create.sender == user_id and 100 or 0 end
    return level((event.content.users or {})[user_id], self:level("users_default"))
end

function Room:needed(kind, is_state)
    local event = self:get("m.room.power_levels")
    local default = self:level(is_state and "state_default" or "events_default")
    return level(event and (event.content.events or {})[kind], default)
end

function Room:require_power(user_id, needed)
    local power = self:power(user_id)
    if power < needed then
        M.refuse(403, "M_FORBIDDEN",
            ("%s has power level %d here, this needs %d"):format(user_id, power, needed))
    end
end

function Room:require_joined(user_id)
    if self:membership(user_id) ~= "join" then
        M.refuse(403, "M_FORBIDDEN", ("User %s not in room %s"):format(user_id, self.room_id))
    end
end

-- May actor make target's membership that? As servers decide it.
function Room:require_member_change(actor, target, membership)
    local now = self:membership(target)
    if membership == "join" then
        local rules = self:get("m.room.join_rules")
        local public = rules and rules.content.join_rule == "public"
        if now == "ban" then M.refuse(403, "M_BAD_STATE", "You are banned from this room") end
        if not (now == "join" or now == "invite" or public) then
            M.refuse(403, "M_FORBIDDEN", "You are not invited to this room.")
        end
        return
    end
    if membership == "leave" and actor == target then
        if now == "ban" or not now then
            M.refuse(403, "M_FORBIDDEN", "You are not in this room.")
        end
        return
    end
    self:require_joined(actor)
    if membership == "invite" then
        self:require_power(actor, self:level("invite"))
        if now == "join" or now == "ban" then
            M.refuse(403, now == "ban" and "M_BAD_STATE" or "M_FORBIDDEN",
                ("%s cannot be invited: %s"):format(target, now))
        end
        return
    end
    if membership == "leave" and now == "ban" then
        return self:require_power(actor, self:level("ban"))
    end
    if membership == "leave" and now ~= "join" and now ~= "invite" then
        M.refuse(403, "M_FORBIDDEN", "The target user is not in the room")
    end
    self:require_power(actor, self:level(membership == "ban" and "ban" or "kick"))
    if self:power(target) >= self:power(actor) then
        M.refuse(403, "M_FORBIDDEN", ("You do not have more power than %s"):format(target))
    end
end

-- What is left of an event's content when it is redacted.
local KEPT = {
    ["m.room.create"] = { "creator", "room_version" },
    ["m.room.member"] = { "membership", "join_authorised_via_users_server" },
    ["m.room.join_rules"] = { "join_rule", "allow" },
    ["m.room.power_levels"] = { "ban", "events", "events_default", "invite", "kick", "redact",
        "state_default", "users", "users_default" },
    ["m.room.history_visibility"] = { "history_visibility" },
}

function M.redacted(event)
    local content = {}
    for _, key in ipairs(event.state_key and KEPT[event.type] or {}) do
        content[key] = event.content[key]
    end
    return content
end

-- Appends without a check. event: type, sender, content, state_key, event_id,
-- origin_server_ts, position; gives it back.
function Room:append(event)
    event.room_id = self.room_id
    event.unsigned = {}
    if event.state_key then
        local key = key_of(event.type, event.state_key)
        local before = self.state[key]
        if before then event.unsigned.prev_content = before.content end
        self.state[key] = event
    end
    self.events[#self.events + 1] = event
    self.by_id[event.event_id] = event
    return event
end

return M
