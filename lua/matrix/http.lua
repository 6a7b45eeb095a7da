-- matrix.http

local core = ...
local class = core.require "class"
local json = core.require "json"
local secret = core.require "secret"
local time = core.require "time"

local TIMEOUT = 30

local mt = class.define("Response", {
    what = "a response",
    methods = { json = function(self) return json.decode(self.body) end },
    text = function(self) return ("%d %s"):format(self.status, self.url) end,
})

local function headers_of(headers)
    local out = {}
    for name, value in pairs(headers or {}) do
        value = secret.text(value)
        if type(name) ~= "string" or type(value) ~= "string" and type(value) ~= "number" then
            core.raise(("headers: '%s' must be text"):format(tostring(name)))
        end
        out[name] = tostring(value)
    end
    return out
end

local function has_header(headers, wanted)
    for name in pairs(headers) do
        if name:lower() == wanted then return true end
    end
    return false
end

local function request(method, url, body, opts)
    opts = opts or {}
    local headers = headers_of(opts.headers)
    body = secret.reveal_all(body)
    if type(body) == "table" then
        local text, wrong = json.write(body, "")
        if not text then core.raise("matrix.http: body: " .. wrong) end
        body = text
        if not has_header(headers, "content-type") then
            headers["content-type"] = "application/json"
        end
    end
    local result, bytes = core.call("http.request", {
        method = method, url = url, headers = headers, query = secret.reveal_all(opts.query),
        timeout = time.seconds(opts.timeout) or TIMEOUT, max_bytes = opts.max_bytes,
        redirects = opts.redirects,
    }, body)
    if not result then return nil, bytes end
    result.body = bytes or ""
    return setmetatable(result, mt)
end

local M = {}

M.library = {
    get = function(url, opts) return request("GET", url, nil, opts) end,
    post = function(url, body, opts) return request("POST", url, body or "", opts) end,
    put = function(url, body, opts) return request("PUT", url, body or "", opts) end,
    delete = function(url, opts) return request("DELETE", url, nil, opts) end,
    request = function(method, url, opts)
        return request(method, url, opts and opts.body, opts)
    end,
}

return M
