-- bot:every, bot:after and bot:cron

local core = ...
local check = core.require "check"
local context = core.require "context"
local description = core.require "description"
local handle = core.require "handle"
local handlers = core.require "handlers"
local time = core.require "time"

local M = {}

local function start(args, fn)
    local id = handlers.add({ kind = "timer", fn = fn, once = not args.every })
    args.id, args.where = id, context.place()
    local ok, err = core.call("script.timer", args)
    if not ok then
        handlers.remove(id)
        return nil, err
    end
    return handle.new(id)
end

local every = description.entry("bot", "every")

function M.every(_, interval, opts, fn)
    if fn == nil and type(opts) == "function" then opts, fn = nil, opts end
    check.param(every, 1, interval)
    check.param(every, 2, opts)
    check.param(every, 3, fn)
    opts = opts or {}
    local seconds = time.seconds(interval)
    if seconds <= 0 then core.raise("bot:every: the interval must be more than nothing") end
    return start({
        seconds = seconds, every = true, name = opts.name, now = opts.now,
        jitter = time.seconds(opts.jitter),
    }, fn)
end

function M.after(_, delay, fn)
    return start({ seconds = time.seconds(delay), every = false }, fn)
end

local cron = description.entry("bot", "cron")

function M.cron(_, spec, opts, fn)
    if fn == nil and type(opts) == "function" then opts, fn = nil, opts end
    check.param(cron, 1, spec)
    check.param(cron, 2, opts)
    check.param(cron, 3, fn)
    opts = opts or {}
    if opts.tz and opts.tz ~= "local" and opts.tz ~= "UTC" then
        core.raise(('bot:cron: tz must be "local" or "UTC", not "%s"'):format(opts.tz))
    end
    local id = handlers.add({ kind = "timer", fn = fn })
    assert(core.call("script.cron", {
        id = id, spec = spec, utc = opts.tz == "UTC", name = opts.name,
        jitter = time.seconds(opts.jitter), where = context.place(),
    }))
    return handle.new(id)
end

return M
