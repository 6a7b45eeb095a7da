-- Runs test files: each case in a world of its own; tells how it went.

local core = ...
local formats = core.require "test_format"
local test = core.require "test"
local worlds = core.require "test_world"

-- ---- one case -------------------------------------------------------------------

-- A failure with its place, from whatever was raised.
local function handle(raised)
    if type(raised) == "table" and raised.message then return raised end
    local text = tostring(raised)
    local file, line, message = text:match("^(.-):(%d+): (.*)$")
    for level = 2, 30 do
        local info = debug.getinfo(level, "Sl")
        if not info then break end
        if info.source:match("^@.*_test%.lua$") then
            file, line, message = info.short_src, info.currentline, message or text
            break
        end
    end
    return { message = message or text, file = file, line = line }
end

local function unexpected(world)
    local lines = {}
    for _, line in ipairs(worlds.take_log(world)) do
        if line.level ~= "info" then lines[#lines + 1] = line.text end
    end
    if #lines > 0 then
        return { message = "the log has what the case did not expect (w:log() takes it):\n"
            .. table.concat(lines, "\n") }
    end
end

local function transcripts(world)
    local out = {}
    for _, room in ipairs(world.rooms) do out[#out + 1] = room:transcript() end
    return out
end

-- nil, or the failure.
local function run_case(file, case)
    local world
    math.randomseed(1, 1)
    local ok, failure = xpcall(function()
        world = worlds.open(file.scripts)
        case.fn(world)
    end, handle)
    if ok then
        failure = unexpected(world)
    end
    if failure and world then
        failure.transcripts = transcripts(world)
        failure.log = not ok and worlds.take_log(world) or {}
    end
    local left = core.world_free()
    if left and not failure then failure = { message = left } end
    if failure and not failure.file then
        failure.file, failure.line = file.path, case.line
    end
    return failure
end

-- ---- files ----------------------------------------------------------------------

local function exists(path)
    local found = io.open(path)
    if found then found:close() end
    return found ~= nil
end

-- ping_test.lua tests the ping.lua beside it, unless it says otherwise.
local function add_default(file)
    local beside = file.path:gsub("_test%.lua$", ".lua")
    if #file.scripts > 0 then return end
    if beside == file.path or not exists(beside) then
        error(("%s: there is no script to test: name one with t.script"):format(file.path), 0)
    end
    test.script(beside:match("[^/]*$"))
end

local function read_file(path)
    local file = test.begin_file(path)
    local chunk, message = loadfile(path, "t", setmetatable({}, { __index = _G }))
    if chunk then
        local ok
        ok, message = xpcall(function() chunk() add_default(file) end, handle)
        if ok then return file end
    end
    local failure = type(message) == "table" and message or handle(message)
    file.cases = { { name = "it can be read", line = 1, broken = failure } }
    return file
end

-- How many cases failed.
return function(paths, format, only)
    local number, failed, tell = 0, 0, formats[format]
    tell.begin()
    for _, path in ipairs(paths) do
        local file = read_file(path)
        for _, case in ipairs(file.cases) do
            if not only or case.broken or case.name:find(only, 1, true) then
                local began = os.clock()
                local failure = case.broken or run_case(file, case)
                if failure and not failure.file then
                    failure.file, failure.line = path, 1
                end
                number, failed = number + 1, failed + (failure and 1 or 0)
                tell.case(number, file, case, failure, os.clock() - began)
            end
        end
    end
    tell.finish(number, failed)
    return failed
end
