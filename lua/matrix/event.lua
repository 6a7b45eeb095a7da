-- Events: what the protocol says, and what a script wants to know of it.
-- Nothing is assumed of what a sender wrote: a field of a wrong type is nil.

local core = ...
local account = core.require "account"
local class = core.require "class"
local message = core.require "message"
local post = core.require("room_call").post
local uri = core.require "uri"
local waiter = core.require "waiter"

local M = {}

local mt

local function text_of(value)
    return type(value) == "string" and value or nil
end

local function table_of(value)
    return type(value) == "table" and value or nil
end

local function content_text(self, key)
    return text_of(self.content[key])
end

local function relation(self)
    return table_of(self.content["m.relates_to"]) or {}
end

local function in_reply_to(self)
    local reply = table_of(relation(self)["m.in_reply_to"])
    return reply and text_of(reply.event_id)
end

local function is_membership(self)
    return self.type == "m.room.member" and self.state_key ~= nil
end

local function is_edit(self)
    return relation(self).rel_type == "m.replace"
end

local function html_of(self)
    if self.content.format ~= "org.matrix.custom.html" then return nil end
    return content_text(self, "formatted_body")
end

-- The bot's own display name in the room, when it has one.
local function own_name(self)
    local content = self.room:state("m.room.member", account.user_id())
    return content and text_of(content.displayname)
end

-- Old clients mention by writing the name.
local function is_named(self)
    local me = account.user_id()
    local body, html = self.body or "", self.html or ""
    if body:find(me, 1, true) then return true end
    if html:find("matrix.to/#/" .. me, 1, true) then return true end
    if html:find("matrix.to/#/" .. core.url_encode(me), 1, true) then return true end
    local name = own_name(self)
    if not name or name == "" then return false end
    local from, to = body:lower():find(name:lower(), 1, true)
    return from ~= nil and not body:sub(from - 1, from - 1):find("^%w")
        and not body:sub(to + 1, to + 1):find("^%w")
end

local fields = {}

function fields.room(self)
    return self.room_id and core.require("room").new(self.room_id)
end

function fields.member(self)
    return self.sender and self.room_id
        and core.require("member").of(self.room, self.sender)
end

function fields.is_own(self)
    return self.sender ~= nil and self.sender == account.user_id()
end

function fields.is_direct(self)
    return self.room ~= nil and self.room:is_direct() or false
end

function fields.age(self)
    return math.max(0, core.now() - self.origin_server_ts / 1000)
end

function fields.body(self)
    local body = content_text(self, "body")
    if body and in_reply_to(self) then return core.strip_body(body) end
    return body
end

function fields.msgtype(self)
    return content_text(self, "msgtype")
end

function fields.html(self)
    local html = html_of(self)
    if html and in_reply_to(self) then return core.strip_html(html) end
    return html
end

function fields.thread_id(self)
    local r = relation(self)
    return r.rel_type == "m.thread" and text_of(r.event_id) or nil
end

function fields.reply_to_id(self)
    local r = relation(self)
    if r.rel_type == "m.thread" and r.is_falling_back == true then return nil end
    return in_reply_to(self)
end

function fields.mentions_me(self)
    local mentions = table_of(self.content["m.mentions"])
    if mentions then
        for _, user_id in ipairs(table_of(mentions.user_ids) or {}) do
            if user_id == account.user_id() then return true end
        end
        return false
    end
    return self.room_id ~= nil and self.type == "m.room.message" and is_named(self)
end

function fields.target_id(self)
    if self.type == "m.room.redaction" then
        return content_text(self, "redacts")
    end
    local rel_type = relation(self).rel_type
    if rel_type == "m.replace" or rel_type == "m.annotation" then
        return text_of(relation(self).event_id)
    end
    return nil
end

function fields.key(self)
    return relation(self).rel_type == "m.annotation" and text_of(relation(self).key) or nil
end

function fields.new_content(self)
    return is_edit(self) and table_of(self.content["m.new_content"]) or nil
end

function fields.reason(self)
    return content_text(self, "reason")
end

function fields.user_id(self)
    return is_membership(self) and self.state_key or nil
end

function fields.membership(self)
    return is_membership(self) and content_text(self, "membership") or nil
end

function fields.prev_content(self)
    return table_of(self.unsigned.prev_content)
end

function fields.is_me(self)
    return is_membership(self) and self.state_key == account.user_id()
end

-- Computed once; what is nil or false is computed again, and is cheap.
local function cached(fn, name)
    return function(self)
        local value = fn(self)
        if value then rawset(self, name, value) end
        return value
    end
end
for name, fn in pairs(fields) do
    if name ~= "age" then fields[name] = cached(fn, name) end
end

-- ---- what can be done ----

-- What an answer points at: an edit or reaction stands for its target.
local function answered(self)
    if is_edit(self) or self.type == "m.reaction" then return self.target_id end
    return self.event_id
end

-- A room's ID says nothing of where the room is: servers that are in it.
local function via(self)
    local server = (self.sender or ""):match(":(.+)$")
    local own = (account.user_id() or ""):match(":(.+)$")
    local servers = { own }
    if server and server ~= own then servers[#servers + 1] = server end
    return servers
end

-- Events whose answers are sent in another way than usual.
local senders = setmetatable({}, { __mode = "k" })

local function send(self, ...)
    return (senders[self] or post)(self.room, ...)
end

-- send(room, type, content, opts): replies and reactions go through it.
function M.send_with(ev, fn)
    senders[ev] = fn
end

local methods = {}

local function reply(self, x, opts, mentions)
    local content = message.build(x, {
        msgtype = "m.notice", reply_to = answered(self), thread = self.thread_id,
        mentions = mentions,
    })
    return send(self, "m.room.message", content, message.options(x, opts))
end

function methods.reply(self, x, opts)
    return reply(self, x, opts, not self.is_own and { self.sender } or nil)
end

-- Whose answer is waited for: a list of user IDs.
local function asked_of(self, from)
    if from == nil and self.is_own then
        core.raise("ev:ask: this is the bot's own event: say whom to ask, from = \"@user:server\"")
    end
    local users = {}
    for i, user in ipairs(type(from) == "table" and not class.of(from) and from
        or { from or self.sender }) do
        users[i] = type(user) == "table" and user.user_id or user
        account.check_user("ev:ask: from", users[i])
    end
    return users
end

-- Waits before it has asked: an answer may be quick.
function methods.ask(self, x, opts)
    opts = opts or {}
    local users = asked_of(self, opts.from)
    local waiting <close>, why = waiter.arm("message", {
        room = self.room_id, sender = setmetatable(users, core.array_metatable),
        thread = message.thread(x) or self.thread_id or false,
    }, { what = "answer", messages = true })
    if not waiting then return nil, why end
    local sent, refused = reply(self, x, nil, users)
    if not sent then return nil, refused end
    return waiter.wait(waiting, opts.timeout)
end

local function need_id(self, what)
    if not self.event_id then core.raise(("ev:%s: this event has no event_id"):format(what)) end
end

function methods.react(self, key, opts)
    need_id(self, "react")
    local content = {
        ["m.relates_to"] = { rel_type = "m.annotation", event_id = answered(self), key = key },
    }
    return send(self, "m.reaction", content, message.options(nil, opts))
end

function methods.edit(self, x, opts)
    need_id(self, "edit")
    if not self.is_own then
        core.raise(("ev:edit: only the bot's own events can be edited, this is from %s"):format(
            self.sender))
    end
    local original = self.new_content or self.content
    local target = is_edit(self) and self.target_id or self.event_id
    local content = message.build_edit(x, target, original)
    return post(self.room, "m.room.message", content, message.options(x, opts))
end

function methods.redact(self, reason, opts)
    need_id(self, "redact")
    return self.room:redact(self.event_id, reason, opts)
end

function methods.permalink(self)
    need_id(self, "permalink")
    return uri.format({ room_id = self.room_id, event_id = self.event_id, via = via(self) })
end

mt = class.define("Event", {
    what = "an event",
    methods = methods,
    fields = fields,
    text = function(self)
        return ("%s %s from %s"):format(self.type or "event", self.event_id or "(no id)",
            self.sender or "?")
    end,
    equal = function(a, b) return a.event_id ~= nil and a.event_id == b.event_id end,
})

-- raw: the decoded event. info: { room_id, own, history, redelivered, attempt }.
function M.new(raw, info)
    local ts = math.tointeger(raw.origin_server_ts)
    local ev = {
        event_id = text_of(raw.event_id), type = text_of(raw.type), sender = text_of(raw.sender),
        origin_server_ts = ts or 0, content = table_of(raw.content) or {},
        unsigned = table_of(raw.unsigned) or {}, state_key = text_of(raw.state_key),
        room_id = info.room_id or text_of(raw.room_id),
        redelivered = info.redelivered == true, attempt = info.attempt or 1,
        history = info.history == true,
    }
    if type(info.own) == "boolean" then ev.is_own = info.own end
    -- Older room versions keep these outside of content and unsigned.
    local target = text_of(raw.redacts)
    if target and ev.type == "m.room.redaction" then ev.target_id = target end
    if table_of(raw.prev_content) then ev.prev_content = raw.prev_content end
    return setmetatable(ev, mt)
end

-- What the bot itself has just sent into room.
function M.sent(room, event_id, event_type, content)
    local ev = {
        event_id = event_id, type = event_type, sender = account.user_id(), content = content,
        origin_server_ts = math.tointeger(core.now() * 1000 // 1) or 0, unsigned = {},
        room_id = room.room_id, room = room, is_own = true,
        redelivered = false, attempt = 1, history = false,
    }
    return setmetatable(ev, mt)
end

return M
