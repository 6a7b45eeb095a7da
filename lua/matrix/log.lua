-- matrix.log

local core = ...
local context = core.require "context"

local M = {}

-- One line, said at file and line.
function M.write(level, text, file, line)
    local about = context.get() or {}
    core.call("log.write", {
        level = level, text = M.clean(text), file = file, line = line,
        room_id = about.room_id, event_id = about.event_id,
    })
end

-- Bytes that are no UTF-8 become '?'.
function M.clean(text)
    local parts, at = {}, 1
    while true do
        local ok, bad = utf8.len(text, at)
        if ok then
            parts[#parts + 1] = text:sub(at)
            return table.concat(parts)
        end
        parts[#parts + 1] = text:sub(at, bad - 1) .. "?"
        at = bad + 1
    end
end

local function logger(level)
    return function(format, ...)
        local text = tostring(format)
        if select("#", ...) > 0 then
            local ok, result = pcall(string.format, text, ...)
            if not ok then core.raise(("matrix.log.%s: %s"):format(level, result)) end
            text = result
        end
        local file, line = core.where()
        M.write(level, text, file, line)
    end
end

M.library = {
    debug = logger("debug"), info = logger("info"),
    warn = logger("warn"), error = logger("error"),
}

return M
