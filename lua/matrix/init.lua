-- The library: returns `matrix`, and `bot` for a bot.

local core = ...
core.require "prelude"
local class = core.require "class"
local client = core.require "client"
local err = core.require "error"
local http = core.require "http"
local json = core.require "json"
local log = core.require "log"
local secret = core.require "secret"
local task = core.require "task"
local time = core.require "time"

local function duration(x)
    if type(x) == "string" then return time.parse(x) end
    return time.format(x)
end

local function discover(server_name, opts)
    local result, why = core.call("matrix.discover",
        { server = server_name, timeout = opts and time.seconds(opts.timeout) })
    if not result then return nil, why end
    return result.homeserver
end

local matrix = class.library("matrix", {
    client = client.new,
    sleep = task.sleep,
    spawn = task.spawn,
    array = json.array,
    is_array = json.is_array,
    now = core.now,
    monotonic = core.monotonic,
    duration = duration,
    error = err.new,
    is_error = err.is,
    secret = secret.get,
    discover = discover,
    version = core.version,
    json = class.library("matrix.json", json.library),
    http = class.library("matrix.http", http.library),
    log = class.library("matrix.log", log.library),
    html = class.library("matrix.html", {
        escape = core.html_escape,
        unescape = core.html_unescape,
    }),
})

if core.exec then return matrix, nil end
return matrix, core.require "bot"
