-- require "matrix.test": cases for bots, run by `lunatrix test`. Used in test
-- files alone; a bot does not have it.

local core = ...

local M = {}

-- What the file that is being read asks for; test_run.lua takes it.
local file

function M.begin_file(path)
    file = { path = path, scripts = {}, cases = {} }
    return file
end

local function fail(message, level)
    error(setmetatable({ message = message }, { __tostring = function(e) return e.message end }),
        (level or 1) + 1)
end

-- A failed check knows its line: tables carry no position of their own.
local function check_failed(message)
    for level = 3, 20 do
        local info = debug.getinfo(level, "Sl")
        if not info then break end
        if info.source:sub(1, 1) == "@" then
            error({ message = message, file = info.short_src, line = info.currentline }, 0)
        end
    end
    fail(message)
end

-- ---- values -----------------------------------------------------------------

local function show(value, depth)
    if type(value) == "string" then return ("%q"):format(value):gsub("\\\n", "\\n") end
    if type(value) ~= "table" or (depth or 0) > 4 then return tostring(value) end
    local keys, parts = {}, {}
    for key in pairs(value) do keys[#keys + 1] = key end
    table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
    for _, key in ipairs(keys) do
        local name = math.type(key) == "integer" and "" or tostring(key) .. " = "
        parts[#parts + 1] = name .. show(value[key], (depth or 0) + 1)
    end
    return "{ " .. table.concat(parts, ", ") .. " }"
end

local function same(a, b)
    if type(a) ~= "table" or type(b) ~= "table" then return a == b end
    for key, value in pairs(a) do
        if not same(value, b[key]) then return false end
    end
    for key in pairs(b) do
        if a[key] == nil then return false end
    end
    return true
end

local function with(note, text)
    return note and ("%s: %s"):format(note, text) or text
end

-- ---- checks -----------------------------------------------------------------

function M.eq(got, wanted, note)
    if not same(got, wanted) then
        check_failed(with(note, ("got %s, wanted %s"):format(show(got), show(wanted))))
    end
end

function M.ne(got, unwanted, note)
    if same(got, unwanted) then check_failed(with(note, "got " .. show(got))) end
end

function M.match(text, pattern, note)
    if type(text) ~= "string" or not text:find(pattern) then
        check_failed(with(note, ("%s does not match %s"):format(show(text), show(pattern))))
    end
end

function M.ok(value, note)
    if not value then check_failed(note or "got " .. show(value)) end
    return value
end

-- fn must raise, with a message that matches; gives the message back.
function M.raises(fn, pattern, note)
    local ok, message = pcall(fn)
    if ok then check_failed(with(note, "it did not raise")) end
    if type(message) == "table" and message.message then message = message.message end
    message = tostring(message)
    if pattern and not message:find(pattern) then
        check_failed(with(note, ("%s does not match %s"):format(show(message), show(pattern))))
    end
    return message
end

-- ---- what a file is about -----------------------------------------------------

local function directory_of(path)
    return path:match("^(.*/)[^/]*$") or ""
end

-- path starts at the test file's directory.
function M.script(path, opts)
    opts = opts or {}
    if path:sub(1, 1) ~= "/" then path = directory_of(file.path) .. path end
    table.insert(file.scripts, {
        path = path,
        config = core.json_encode(opts.config or {}),
        secrets = core.json_encode(opts.secrets or {}),
    })
end

function M.case(name, fn)
    local info = debug.getinfo(2, "l")
    table.insert(file.cases, { name = name, fn = fn, line = info and info.currentline or 0 })
end

return M
