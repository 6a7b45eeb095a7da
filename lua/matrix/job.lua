-- bot:job, bot:enqueue, bot:jobs

local core = ...
local check = core.require "check"
local class = core.require "class"
local context = core.require "context"
local description = core.require "description"
local err = core.require "error"
local handle = core.require "handle"
local handlers = core.require "handlers"
local plain = core.require "plain"
local time = core.require "time"

local PAGE = 16

local M = {}

local methods = {}

function methods.cancel(self)
    return core.call("job.cancel", { id = self.id })
end

local mt = class.define("Job", {
    what = "a job",
    methods = methods,
    text = function(self) return ("job #%d (%s)"):format(self.id, self.name) end,
    equal = function(a, b) return a.id == b.id end,
})

-- From what the host says of it.
function M.new(raw)
    local data = raw.data
    if data == core.null then data = nil end
    return setmetatable({
        id = raw.id, name = raw.name, at = raw.at, data = data, attempt = raw.attempt,
    }, mt)
end

local job_entry = description.entry("bot", "job")

local function retry_of(opts)
    local retry = opts and opts.retry
    if not retry then return 0, 0 end
    local max = retry.max or 3
    if max < 0 or max > 100 then core.raise("bot:job: retry.max must be 0 to 100") end
    return max, time.seconds(retry.backoff or "1m")
end

function M.job(_, name, opts, fn)
    if fn == nil and type(opts) == "function" then opts, fn = nil, opts end
    check.param(job_entry, 1, name)
    check.param(job_entry, 2, opts)
    check.param(job_entry, 3, fn)
    local retries, backoff = retry_of(opts)
    local id = handlers.add({ kind = "job", fn = fn })
    core.call("script.job", {
        id = id, name = name, retries = retries, backoff = backoff, where = context.place(),
    })
    return handle.new(id)
end

function M.enqueue(_, name, opts)
    opts = opts or {}
    if opts.at and opts.after then core.raise("bot:enqueue: at and after exclude each other") end
    local raw, why = core.call("job.enqueue", {
        name = name, at = opts.at, after = time.seconds(opts.after), key = opts.key,
        data = plain.copy(opts.data, "data"),
    })
    if not raw then return nil, why end
    return M.new(raw)
end

local jobs_entry = description.entry("bot", "jobs")

local function one(name, id)
    local raw, why = core.call("job.get", { name = name, id = id })
    if not raw then return nil, why end
    return M.new(raw)
end

function M.jobs(_, name, id)
    check.param(jobs_entry, 1, name)
    check.param(jobs_entry, 2, id)
    if id then return one(name, id) end
    local rows, at, last, over = {}, 0, {}, false
    return function()
        at = at + 1
        if not rows[at] and not over then
            local why
            rows, why = core.call("job.list", {
                name = name, at = last.at, id = last.id, max = PAGE,
            })
            if not rows then error(why or err.new("store", "cannot read jobs"), 0) end
            at, over = 1, #rows < PAGE
            last = rows[#rows] or {}
        end
        if rows[at] then return M.new(rows[at]) end
        rows = {}
        return nil
    end
end

return M
