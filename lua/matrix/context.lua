-- What the running task is about, for log lines: { room_id, event_id }.

local core = ...

local M = {}

local tasks = {}

function M.set(context)
    tasks[core.task()] = context
end

function M.get()
    return tasks[core.task()]
end

function M.ended(task)
    tasks[task] = nil
end

-- "file:line" of the script, for registrations.
function M.place()
    local file, line = core.where()
    return file and ("%s:%d"):format(file, line) or "?"
end

return M
