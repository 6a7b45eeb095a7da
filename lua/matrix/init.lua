-- The library: returns `matrix`, and `bot` for a bot.

local core = ...
core.require "prelude"
local bytes = core.require "bytes"
local class = core.require "class"
local client = core.require "client"
local date = core.require "date"
local err = core.require "error"
local http = core.require "http"
local json = core.require "json"
local log = core.require "log"
local secret = core.require "secret"
local task = core.require "task"
local time = core.require "time"
local uri = core.require "uri"
local util = core.require "util"

local function duration(x)
    if type(x) == "string" then return time.parse(x) end
    return time.format(x)
end

local function markdown(text)
    local html, why = core.markdown(text)
    if not html then return nil, err.new("limit", why) end
    return html
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
    all = task.all,
    race = task.race,
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
    markdown = markdown,
    uuid = bytes.uuid,
    split = util.split,
    keys = util.keys,
    inspect = util.inspect,
    json = class.library("matrix.json", json.library),
    http = class.library("matrix.http", http.library),
    log = class.library("matrix.log", log.library),
    html = class.library("matrix.html", {
        escape = core.html_escape,
        unescape = core.html_unescape,
        text = core.html_to_text,
    }),
    time = class.library("matrix.time", date.library),
    uri = class.library("matrix.uri", uri.library),
    crypto = class.library("matrix.crypto", bytes.crypto),
    base64 = class.library("matrix.base64", bytes.base64),
})

if core.exec then return matrix, nil end
return matrix, core.require "bot"
