-- Error objects: what a call that the world refused gives back. Their fields
-- are read through the metatable, so that a failed write nobody looked at can
-- be told from one that was handled.

local core = ...
local suggest = core.require "suggest"

local M = {}

local names = {
    kind = true, errcode = true, error = true, status = true, retry_after_ms = true,
    request = true, body = true, unknown = true,
}
local kinds = {
    matrix = true, http = true, network = true, timeout = true, json = true, limit = true,
    denied = true, unsupported = true, crypto = true, store = true, task = true, cancelled = true,
}

local contents = setmetatable({}, { __mode = "k" })  -- error -> its fields
local seen = setmetatable({}, { __mode = "k" })      -- error -> true
local unseen = {}  -- task -> list of failed writes { err, file, line }

local mt = { __name = "Error", __metatable = "Error" }

function mt.__index(self, key)
    seen[self] = true
    if names[key] then return contents[self][key] end
    if type(key) == "string" then
        core.raise(("an error has no field '%s'%s"):format(key, suggest.hint(key, names)))
    end
    return nil
end

function mt.__newindex()
    core.raise("the fields of an error cannot be assigned")
end

function mt.__tostring(self)
    seen[self] = true
    return contents[self].error or contents[self].kind
end

function mt.__concat(a, b)
    return tostring(a) .. tostring(b)
end

function mt.__pairs(self)
    seen[self] = true
    return next, contents[self], nil
end

function M.make(fields)
    local err = setmetatable({}, mt)
    contents[err] = fields
    return err
end

function M.is(value)
    return value ~= nil and contents[value] ~= nil
end

-- For an error that is handed on: whoever gets it may look at it, or not.
function M.look_at(value)
    if M.is(value) then seen[value] = true end
end

-- matrix.error(kind, text)
function M.new(kind, text)
    if not kinds[kind] then
        core.raise(("there is no error kind '%s'%s"):format(kind, suggest.hint(kind, kinds)))
    end
    return M.make({ kind = kind, error = text })
end

-- For core.set_error: write is true for calls whose failure should not go
-- unnoticed.
function M.from_host(fields, write)
    local err = M.make(fields)
    if write and fields.kind ~= "cancelled" then
        local task = core.task()
        local file, line = core.where()
        unseen[task] = unseen[task] or {}
        table.insert(unseen[task], { err = err, file = file, line = line })
    end
    return err
end

-- At the end of a task: fn(text, file, line) for each failed write that the
-- script did not look at.
function M.task_ended(task, fn)
    local list = unseen[task]
    unseen[task] = nil
    for _, failed in ipairs(list or {}) do
        if not seen[failed.err] then
            fn(contents[failed.err].error or "a write failed", failed.file, failed.line)
        end
    end
end

return M
