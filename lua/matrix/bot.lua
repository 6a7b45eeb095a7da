-- The object `bot`.

local core = ...
local account = core.require "account"
local check = core.require "check"
local class = core.require "class"
local client = core.require "client"
local command = core.require "command"
local config_schema = core.require "config_schema"
local context = core.require "context"
local description = core.require "description"
local handle = core.require "handle"
local handlers = core.require "handlers"
local job = core.require "job"
local lock = core.require "lock"
local member = core.require "member"
local memory = core.require "memory"
local plain = core.require "plain"
local reactions = core.require "reactions"
local read_only = core.require "read_only"
local rerun = core.require "rerun"
local room = core.require "room"
local secret = core.require "secret"
local store = core.require "store"
local suggest = core.require "suggest"
local time = core.require "time"
local timer = core.require "timer"
local waiter = core.require "waiter"
local webhook = core.require "webhook"

local HOOKS = { load = true, snapshot = true, unload = true, ready = true }

local MESSAGES = { message = true, mention = true, dm = true }

local methods, fields = {}, {}

-- ---- registering ----

local function list_of(value)
    if type(value) ~= "table" or class.of(value) then return { value } end
    return value
end

local function check_patterns(what, patterns)
    for _, pattern in ipairs(patterns) do
        local ok, message = pcall(string.find, "", pattern)
        if not ok then core.raise(("%s: pattern '%s': %s"):format(what, pattern, message)) end
    end
end

-- Rooms of a filter as names; whether one of them is an alias.
local function room_names(what, value)
    local names, alias = {}, false
    for _, one in ipairs(list_of(value)) do
        local name = class.of(one) == "Room" and (one.room_id or one.address) or one
        if type(name) ~= "string" then
            core.raise(what .. ": room: room IDs or aliases expected")
        end
        account.check_room(what .. ": room", name)
        names[#names + 1] = name
        alias = alias or name:sub(1, 1) == "#"
    end
    return setmetatable(names, core.array_metatable), alias
end

-- The filter as the host matches it. What it cannot is left to the handler:
-- room aliases (looked up) and patterns.
local function split_filter(what, filter, handler)
    local out = {}
    for key, value in pairs(filter or {}) do out[key] = value end
    if out.pattern ~= nil then
        handler.patterns = list_of(out.pattern)
        check_patterns(what, handler.patterns)
    end
    if out.room ~= nil then
        local names, alias = room_names(what, out.room)
        out.room = names
        if alias then out.room, handler.rooms = nil, names end
    end
    return next(out) and out or nil
end

-- The arguments of a call of which the second may be left out: is it the third?
local function check_call(entry, self, first, second, third, is_third)
    if class.of(self) ~= "bot" then
        core.raise(("%s: call it with a colon: %s(...)"):format(entry.title, entry.title))
    end
    if third == nil and is_third(second) then second, third = nil, second end
    check.param(entry, 1, first)
    check.param(entry, 2, second)
    check.param(entry, 3, third)
    return second, third
end

local function is_function(value) return type(value) == "function" end

local function listen(entry, name, filter, handler)
    local sent = split_filter(entry.title, filter, handler)
    handler.name, handler.messages = name, MESSAGES[name]
    local id = handlers.add(handler)
    assert(core.call("script.on", { id = id, name = name, filter = sent, where = context.place() }))
    return handle.new(id)
end

local listening = {}  -- to events of that name, for the library

local function listen_once(name, fn)
    if listening[name] then return end
    listening[name] = true
    local id = handlers.add({ kind = "event", name = name, fn = fn })
    assert(core.call("script.on", { id = id, name = name, where = context.place() }))
end

local on_entry = description.entry("bot", "on")

function methods.on(self, name, filter, fn)
    filter, fn = check_call(on_entry, self, name, filter, fn, is_function)
    if name == "unreaction" then listen_once("m.reaction", reactions.remember) end
    return listen(on_entry, name, filter, { kind = HOOKS[name] and "hook" or "event", fn = fn })
end

local hear_entry = description.entry("bot", "hear")

function methods.hear(self, pattern, filter, fn)
    filter, fn = check_call(hear_entry, self, pattern, filter, fn, is_function)
    check_patterns("bot:hear", { pattern })
    return listen(hear_entry, "message", filter, { kind = "event", hears = pattern, fn = fn })
end

local command_entry = description.entry("bot", "command")

function methods.command(self, usage, options, fn)
    options, fn = check_call(command_entry, self, usage, options, fn, is_function)
    local id = handlers.add({ kind = "command" })
    command.register(id, usage, options, fn)
    if type(options) == "table" and options.rerun then
        listen_once("edit", command.edited)
        listen_once("redaction", rerun.redacted)
    end
    return handle.new(id)
end

local wait_entry = description.entry("bot", "wait_for")

local function has_timeout(value)
    return type(value) == "table" and value.timeout ~= nil
end

function methods.wait_for(self, name, filter, opts)
    filter, opts = check_call(wait_entry, self, name, filter, opts, has_timeout)
    if name == "unreaction" and not listening["m.reaction"] then
        core.raise("bot:wait_for: 'unreaction' needs a bot:on(\"unreaction\") in the script")
    end
    local waiting = { what = name, messages = MESSAGES[name] }
    filter = split_filter("bot:wait_for", filter, waiting)
    local armed <close>, why = waiter.arm(name, filter, waiting)
    if not armed then return nil, why end
    return waiter.wait(armed, opts and opts.timeout)
end

function methods.emit(_, name, data)
    return core.call("script.emit", { name = name, data = plain.copy(data, "bot:emit: data") })
end

function methods.resource(_, path)
    local ok, text = core.call("script.resource", { path = path })
    if not ok then return nil, text end
    return text
end

methods.every, methods.after, methods.cron = timer.every, timer.after, timer.cron
methods.lock = lock.lock
methods.job, methods.enqueue, methods.jobs = job.job, job.enqueue, job.jobs
methods.webhook = webhook.register

-- ---- rooms and users ----

function methods.room(_, name)
    account.check_room("bot:room", name)
    return room.new(name)
end

function methods.user(_, user_id)
    account.check_user("bot:user", user_id)
    return member.user(user_id)
end

local memberships = {
    join = true, invite = true, knock = true, leave = true, ban = true, all = true,
}

function methods.rooms(_, membership)
    if membership and not memberships[membership] then
        core.raise(("bot:rooms: unknown membership '%s'%s"):format(membership,
            suggest.hint(membership, memberships)))
    end
    local list, err = core.call("account.rooms", { membership = membership })
    if not list then error(err, 0) end
    local at = 0
    return function()
        at = at + 1
        return list[at] and room.new(list[at])
    end
end

function methods.join(_, name, opts)
    account.check_room("bot:join", name)
    opts = opts or {}
    local result, err = core.call("room.join", {
        room = name, via = opts.via and setmetatable({ table.unpack(opts.via) },
            core.array_metatable), reason = opts.reason, timeout = time.seconds(opts.timeout),
    })
    if not result then return nil, err end
    return room.new(result.room_id)
end

function methods.resolve(_, alias)
    if alias:sub(1, 1) ~= "#" then
        core.raise(("bot:resolve: '%s' is no alias (#name:server)"):format(alias))
    end
    return account.resolve(alias)
end

-- ---- fields ----

local settings = {}  -- what the script assigned
local kept = {}      -- made once

local function once(name, make)
    fields[name] = function()
        if kept[name] == nil then kept[name] = make() end
        return kept[name]
    end
end

fields.name = function() return core.script end
fields.user_id = account.user_id
fields.device_id = account.device_id
fields.generation = function() return core.generation end
fields.store = function() return store end
fields.memory = function() return memory end
fields.version = function() return settings.version end
fields.reload = function() return settings.reload end
fields.config_schema = function() return settings.config_schema end
fields.concurrency = function() return settings.concurrency end

local configured

local function configuration()
    if not configured then
        configured = core.call("script.config") or {}
        -- A host that has no secrets answers with the config alone.
        for name, text in pairs(configured.secrets or {}) do
            configured.secrets[name] = secret.new(text)
        end
    end
    return configured
end

once("config", function() return read_only.new(configuration().config or {}, "bot.config") end)
once("secrets", function() return read_only.new(configuration().secrets or {}, "bot.secrets") end)

once("admin", function()
    local name = account.info().admin_room
    return name and room.new(name) or room.log_room()
end)

once("client", function() return assert(client.open({ own = true })) end)

-- ---- assigning ----

-- What bot.config must be like; checked at once, so that a script whose
-- configuration is wrong does not load.
local function set_schema(schema)
    if type(schema) ~= "table" then
        core.raise(("bot.config_schema: a table expected, got %s"):format(tostring(schema)))
    end
    if kept.config ~= nil then
        core.raise("bot.config_schema: assign it once, and before bot.config is read")
    end
    assert(core.call("script.set", {}))  -- only while loading
    local found = configuration()
    found.config = config_schema.read(schema, found.config or {}, found.places or {})
    settings.config_schema = schema
    return fields.config() ~= nil
end

local assignable = {
    version = function(v) return math.type(v) == "integer", "a whole number" end,
    reload = function(v) return v == "quiesce", '"quiesce"' end,
    concurrency = function(v)
        return math.type(v) == "integer" and v > 0, "a whole number above 0"
    end,
}

local function write(_, key, value)
    local good = assignable[key]
    if key == "config_schema" then return set_schema(value) end
    if not good then
        if description.find("bot", key) then
            core.raise(("bot.%s cannot be assigned"):format(key))
        end
        core.raise(("bot has no field '%s'%s"):format(
            tostring(key), suggest.hint(key, assignable)))
    end
    local ok, expected = good(value)
    if not ok then
        core.raise(("bot.%s: %s expected, got %s"):format(key, expected, tostring(value)))
    end
    assert(core.call("script.set", { [key] = value }))
    settings[key] = value
    return true
end

local mt = class.define("bot", {
    what = "bot",
    methods = methods,
    fields = fields,
    write = write,
    text = function() return ("bot %s (%s)"):format(core.script, account.user_id() or "?") end,
})

return setmetatable({}, mt)
