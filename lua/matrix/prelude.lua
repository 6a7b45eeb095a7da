-- Where the host enters: every task that it starts begins here.

local core = ...
local account = core.require "account"
local command = core.require "command"
local context = core.require "context"
local err = core.require "error"
local event = core.require "event"
local handlers = core.require "handlers"
local job = core.require "job"
local lock = core.require "lock"
local log = core.require "log"
local plain = core.require "plain"
local reactions = core.require "reactions"
local repl = core.require "repl"
local waiter = core.require "waiter"
local webhook = core.require "webhook"

core.set_error(err.from_host)

core.on_task_end(function(task)
    lock.task_ended(task)
    waiter.task_ended(task)
    err.task_ended(task, function(text, file, line)
        log.write("warn", "unchecked error: " .. text, file, line)
    end)
    context.ended(task)
end)

local function matches_pattern(patterns, body)
    for _, pattern in ipairs(patterns) do
        if body and body:find(pattern) then return true end
    end
    return false
end

-- What is left of a short name's meaning for us to decide.
local is_meant = {
    mention = function(ev) return ev.mentions_me end,
    dm = function(ev) return ev.is_direct end,
    unreaction = reactions.withdrawn,
}

local function is_wanted(handler, ev)
    if handler.patterns and not matches_pattern(handler.patterns, ev.body) then return false end
    if handler.rooms and not account.room_is_among(ev.room_id, handler.rooms) then return false end
    -- What this script takes as a command is no message to it.
    if handler.messages and command.resolve(ev) ~= nil then return false end
    -- What another script takes as a command answers no question either.
    if handler.messages and handler.kind == "waiter" and command.is_others(ev) then return false end
    local meant = is_meant[handler.name]
    return not meant or meant(ev)
end

-- bot:hear: what the pattern captures follows ev; the whole match without one.
local function run_heard(handler, ev)
    local captures = table.pack((ev.body or ""):match(handler.hears))
    if captures[1] ~= nil and is_wanted(handler, ev) then
        handler.fn(ev, table.unpack(captures, 1, captures.n))
    end
end

-- What bot:emit sent, here or in another script.
local function run_emitted(handler, raw)
    local script, name = raw.type:match("^script:([^:]+):(.+)$")
    local emitted = { script = script, name = name, data = raw.data }
    if handler.kind == "waiter" then return waiter.take(handler, emitted) end
    handler.fn(emitted)
    return nil
end

local function run_event(handler, raw, info)
    if info.section == "script" then return run_emitted(handler, raw) end
    local ev = event.new(raw, info)
    context.set({ room_id = ev.room_id, event_id = ev.event_id })
    if handler.kind == "command" then
        local call = command.resolve(ev)
        if call and call.id == handler.id then command.run(call, ev) end
    elseif handler.kind == "waiter" then
        return is_wanted(handler, ev) and waiter.take(handler, ev)
    elseif handler.hears then
        run_heard(handler, ev)
    elseif is_wanted(handler, ev) then
        handler.fn(ev)
    end
    return nil
end

local function run_hook(handler, info)
    local result = handler.fn({
        reason = info.reason, previous = info.previous, from_version = info.from_version,
    })
    if handler.name == "snapshot" then return plain.copy(result, "snapshot") end
    return nil
end

local function run_timer(handler)
    if handler.once then handlers.remove(handler.id) end
    handler.fn()
end

core.set_entry(function(kind, id, raw, info)
    if kind == "repl" then return repl.run(info) end
    local handler = handlers.get(id)
    if not handler then return nil end  -- cancelled meanwhile
    if kind == "hook" then return run_hook(handler, info or {}) end
    if kind == "timer" then return run_timer(handler) end
    if kind == "job" then return handler.fn(job.new(raw)) end
    if kind == "webhook" then return webhook.run(handler, info or {}) end
    return run_event(handler, raw or {}, info or {})
end)

return true
