-- What is typed at `lunatrix repl`, inside the running script.

local core = ...
local class = core.require "class"
local description = core.require "description"
local json = core.require "json"
local log = core.require "log"
local read_only = core.require "read_only"
local util = core.require "util"

local M = {}

local LONGEST = 64 * 1024  -- of what one piece shows
local MOST_WORDS = 200
local LOGGED = 100         -- bytes of a piece in the log

-- The script's globals; load gives chunks these.
local globals = load("return _ENV")()

local sessions = {}  -- id -> { env, vars, own }

-- ---- names ----------------------------------------------------------------------

-- What a piece declares belongs to its session; names of the script stay the
-- script's.
local function new_session(id)
    local vars, own = {}, {}
    function vars.print(...)
        local parts = table.pack(...)
        for i = 1, parts.n do parts[i] = tostring(parts[i]) end
        local text = log.clean(table.concat(parts, "\t"))
        if #text > LONGEST then text = log.clean(text:sub(1, LONGEST)) .. "..." end
        core.call("script.print", { session = id, text = text })
    end
    own.print = true
    local env = setmetatable({}, {
        __index = function(_, name)
            if own[name] then return vars[name] end
            return globals[name]
        end,
        __newindex = function(_, name, value)
            if own[name] or rawget(globals, name) == nil then
                own[name], vars[name] = true, value
            else
                globals[name] = value
            end
        end,
        __pairs = function() return next, vars, nil end,
    })
    return { env = env, vars = vars, own = own }
end

local function session_of(id)
    sessions[id] = sessions[id] or new_session(id)
    return sessions[id]
end

-- ---- running --------------------------------------------------------------------

local function compile(code, env)
    return load(code, "@repl", "t", env)
end

-- "local a, b = f()" without "local", and the names; nil for anything else.
local function as_session(code)
    local names, rest = code:match("^%s*local%s+([%a_][%w_]*[%w_%s,]*)(=.*)$")
    if names and not names:find("^function[%s(]") then return names .. rest, names end
    local name, tail = code:match("^%s*local%s+function%s+([%a_][%w_]*)(.*)$")
    if name then return "function " .. name .. tail, name end
    return nil
end

-- The chunk, or nil, what is wrong, and whether more lines may mend it.
local function chunk_of(session, code)
    -- With something in front, or a call would be a tail call, and its place
    -- unknown.
    local values = compile("return nil, " .. code, session.env)
    if values then
        return function() return select(2, values()) end
    end
    local chunk, why = compile(code, session.env)
    if not chunk then return nil, why, why:find("near '?<eof>'?$") ~= nil end
    local kept, names = as_session(code)
    local other = kept and compile(kept, session.env)
    if not other then return chunk end
    for name in names:gmatch("[%a_][%w_]*") do session.own[name] = true end
    return other
end

local function show(results)
    local parts = {}
    for i = 1, results.n do parts[i] = util.inspect(results[i]) end
    local text = log.clean(table.concat(parts, "  "))
    if #text <= LONGEST then return text end
    return ("%s... (%d bytes in all)"):format(log.clean(text:sub(1, LONGEST)), #text)
end

local function shorten(code)
    if #code <= LOGGED then return code end
    return log.clean(code:sub(1, LOGGED)) .. "..."
end

local function run(session, code)
    local chunk, why, incomplete = chunk_of(session, code)
    if incomplete then return { incomplete = true, syntax = log.clean(why) } end
    if not chunk then return { syntax = log.clean(why) } end
    log.write("info", "repl: " .. shorten(code))
    local results = table.pack(chunk())
    if results.n > 0 then session.own._, session.vars._ = true, results[1] end
    return { values = results.n > 0 and show(results) or nil }
end

-- ---- Tab ------------------------------------------------------------------------

-- The names in a value, without running any of the script's code.
local function names_in(value, add)
    local known = class.of(value)
    if known then
        local ok, names = pcall(description.names, known)
        for name in pairs(ok and names or {}) do add(name) end
        return
    end
    if type(value) == "string" then value = globals.string end
    for _ = 1, 10 do
        if type(value) ~= "table" then return end
        value = read_only.open(value)
        for name in next, value do
            if type(name) == "string" then add(name) end
        end
        local mt = getmetatable(value)
        value = type(mt) == "table" and rawget(mt, "__index") or nil
    end
end

local function step(value, name)
    if class.of(value) then
        local ok, found = pcall(function() return value[name] end)
        return ok and found or nil
    end
    for _ = 1, 10 do
        if type(value) ~= "table" then return nil end
        value = read_only.open(value)
        local found = rawget(value, name)
        if found ~= nil then return found end
        local mt = getmetatable(value)
        value = type(mt) == "table" and rawget(mt, "__index") or nil
    end
end

local function complete(session, text)
    local path, start, word = text:match("([%w_%.:]-)()([%a_]?[%w_]*)$")
    local words, seen = {}, {}
    local function add(name)
        if name:sub(1, #word) == word and name:find("^[%a_][%w_]*$") and not seen[name] then
            seen[name], words[#words + 1] = true, name
        end
    end
    if path == "" then
        for name in pairs(session.own) do add(name) end
        names_in(globals, add)
    else
        local value
        for name in path:gmatch("[%a_][%w_]*") do
            if value == nil then
                value = session.own[name] and session.vars[name] or rawget(globals, name)
            else
                value = step(value, name)
            end
            if value == nil then break end
        end
        if value ~= nil then names_in(value, add) end
    end
    table.sort(words)
    return { start = start - 1, words = json.array({ table.unpack(words, 1, MOST_WORDS) }) }
end

-- ---- the host's side ------------------------------------------------------------

function M.run(info)
    if info.close then
        sessions[info.session] = nil
        return nil
    end
    local session = session_of(info.session)
    if info.complete then return complete(session, info.complete) end
    return run(session, info.code)
end

return M
