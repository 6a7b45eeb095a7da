-- A `core` (docs/internals/core.md) in plain Lua, for tests of the library
-- without a host. Host calls are functions in `calls`; each is also noted in
-- `log` as { name, args, bytes }. Tasks are plain coroutines; nothing waits.

local cjson = require "cjson"

local M = {}

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
local LIBRARY = here .. "../../lua/matrix/"

local function position()
    for level = 3, 60 do
        local info = debug.getinfo(level, "Sl")
        if not info then return nil end
        local fake = info.source:find("fake_core.lua", 1, true)
        if info.what ~= "C" and not info.source:find("^=matrix/") and not fake
            and info.currentline > 0 then
            return info.short_src, info.currentline
        end
    end
end

local function unescape(text)
    local entities = { lt = "<", gt = ">", amp = "&", quot = '"' }
    text = text:gsub("&#(%d+);", function(n) return utf8.char(tonumber(n)) end)
    return (text:gsub("&(%a+);", entities))
end

local function escape(text)
    local entities = { ["<"] = "&lt;", [">"] = "&gt;", ["&"] = "&amp;", ['"'] = "&quot;",
        ["'"] = "&#39;" }
    return (text:gsub("[<>&\"']", entities))
end

local function strip_body(body)
    local rest = body
    while rest:find("^> ") do rest = rest:match("^[^\n]*\n?(.*)$") end
    return rest == body and body or (rest:gsub("^\n", "", 1))
end

local function add_text_functions(core)
    core.html_escape, core.html_unescape = escape, unescape
    core.strip_body = strip_body
    function core.html_to_text(html)
        return unescape((html:gsub("<br[^>]*>", "\n"):gsub("<[^>]*>", "")))
    end
    function core.markdown(text)
        if #text > 65536 then return nil, "Markdown of more than 65536 bytes" end
        return (escape(text):gsub("%*%*(.-)%*%*", "<strong>%1</strong>"))
    end
    local function unbuilt() error("fake core: not in the fake", 2) end
    for name in ("sha256 hmac equal hex base64_encode base64_decode random"):gmatch("%S+") do
        core[name] = unbuilt
    end
    function core.strip_html(html)
        return (html:gsub("^%s*<mx%-reply>.-</mx%-reply>", ""))
    end
    function core.url_encode(text)
        return (text:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
    end
end

local function add_json(core)
    core.null = cjson.null
    core.array_metatable = {}
    function core.json_encode(value)
        return cjson.encode(value)
    end
    function core.json_decode(text)
        local ok, value = pcall(cjson.decode, text)
        if ok then return value end
        return nil, value
    end
end

local function add_tasks(core, state)
    function core.set_entry(fn) state.entry = fn end
    function core.set_error(fn) state.make_error = fn end
    function core.on_task_end(fn) state.ended = fn end
    function core.task() return state.task end
    function core.can_wait() return true end
    function core.spawn(fn, ...) return { results = table.pack(pcall(fn, ...)) } end
    function core.join(handle)
        local r = handle.results
        if r[1] then return table.unpack(r, 2, r.n) end
        return nil, state.make_error({ kind = "task", error = tostring(r[2]) })
    end
end

-- options: exec, calls. Returns core, and state with log, calls, run.
function M.new(options)
    options = options or {}
    local core = {
        exec = options.exec == true, script = "test", generation = 1, version = "0.0.0",
    }
    local state = { log = {}, calls = options.calls or {}, task = 1, clock = 1000, cache = {} }

    function core.call(name, args, bytes)
        state.log[#state.log + 1] = { name = name, args = args or {}, bytes = bytes }
        local fn = state.calls[name]
        if not fn then error("fake core: no call " .. name, 2) end
        local result, more = fn(args or {}, bytes)
        if result == nil and type(more) == "table" then
            return nil, state.make_error(more, more.write)
        end
        return result, more
    end
    function core.where() return position() end
    function core.raise(message)
        local file, line = position()
        error(file and ("%s:%d: %s"):format(file, line, message) or message, 0)
    end
    function core.now() return state.clock end
    function core.monotonic() return state.clock end
    function core.require(name)
        if state.cache[name] == nil then
            local file = assert(io.open(LIBRARY .. name .. ".lua"))
            local chunk = assert(load(file:read("a"), "=matrix/" .. name .. ".lua"))
            file:close()
            local value = chunk(core)
            state.cache[name] = value == nil and true or value
        end
        return state.cache[name]
    end
    add_text_functions(core)
    add_json(core)
    add_tasks(core, state)

    -- Runs one task as the host does.
    function state.run(kind, id, event, info)
        state.task = state.task + 1
        local result = table.pack(pcall(state.entry, kind, id, event, info))
        state.ended(state.task)
        return table.unpack(result, 1, result.n)
    end
    -- The calls of that name, so far.
    function state.named(name)
        local list = {}
        for _, call in ipairs(state.log) do
            if call.name == name then list[#list + 1] = call end
        end
        return list
    end
    return core, state
end

-- Loads init.lua: matrix, bot, core, state.
function M.load(options)
    local core, state = M.new(options)
    local file = assert(io.open(LIBRARY .. "init.lua"))
    local chunk = assert(load(file:read("a"), "=matrix/init.lua"))
    file:close()
    local matrix, bot = chunk(core)
    return matrix, bot, core, state
end

return M
