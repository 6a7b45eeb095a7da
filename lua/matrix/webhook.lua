-- bot:webhook

local core = ...
local class = core.require "class"
local context = core.require "context"
local handle = core.require "handle"
local handlers = core.require "handlers"
local json = core.require "json"
local secret = core.require "secret"

local M = {}

local mt = class.define("Request", {
    what = "a request",
    methods = { json = function(self) return json.decode(self.body) end },
    text = function(self) return ("%s %s"):format(self.method, self.path) end,
})

-- What the host checks by itself, as it calls it.
local function kind_of(verify)
    if verify == nil then
        core.raise("bot:webhook: say who may call it: verify = \"github\", \"gitlab\", "
            .. "\"hmac-sha256\", \"token\" or a function; false when anybody may")
    end
    if type(verify) == "function" then return "function" end
    if verify == true or verify == "function" or verify == "none" then
        core.raise(("bot:webhook: verify cannot be %s"):format(tostring(verify)))
    end
    return verify or "none"
end

function M.register(_, name, opts, fn)
    local verify = kind_of(opts.verify)
    local methods = opts.method
    if type(methods) == "string" then methods = { methods } end
    local handler = {
        kind = "webhook", fn = fn, name = name, where = context.place(),
        verify = verify == "function" and opts.verify or nil,
    }
    local id = handlers.add(handler)
    assert(core.call("script.webhook", {
        id = id, name = name, where = handler.where, verify = verify, header = opts.header,
        methods = methods and json.array({ table.unpack(methods) }),
        secret = opts.secret and secret.text(opts.secret), max_bytes = opts.max_bytes,
    }))
    return handle.new(id)
end

-- ---- answers ----

local function fail(handler, ...)
    error(("%s: webhook %s: %s"):format(handler.where, handler.name, string.format(...)), 0)
end

local function headers_of(handler, headers)
    local out, typed = {}, false
    if headers ~= nil and type(headers) ~= "table" then
        fail(handler, "the headers of the answer must be a table, not %s", type(headers))
    end
    for name, value in pairs(headers or {}) do
        value = secret.text(value)
        if type(name) ~= "string" or type(value) ~= "string" and type(value) ~= "number" then
            fail(handler, "the header '%s' of the answer must be text", tostring(name))
        end
        out[name] = tostring(value)
        typed = typed or name:lower() == "content-type"
    end
    return out, typed
end

local function answer(handler, request, status, body, headers)
    if status == nil then status = 204 end
    if math.type(status) ~= "integer" or status < 200 or status > 599 then
        fail(handler, "it must return a status from 200 to 599 first, not %s", tostring(status))
    end
    local out, typed = headers_of(handler, headers)
    body = secret.reveal_all(body)
    if type(body) == "table" then
        local text, wrong = json.write(body, "")
        if not text then fail(handler, "the answer cannot be JSON: %s", wrong) end
        body = text
        out["content-type"] = typed and out["content-type"] or "application/json"
        typed = true
    elseif body ~= nil and type(body) ~= "string" then
        fail(handler, "the body of the answer must be text or a table, not %s", type(body))
    end
    if body and not typed then out["content-type"] = "text/plain; charset=utf-8" end
    local ok, err = pcall(core.call, "webhook.answer",
        { request = request, status = status, headers = out }, body)
    if not ok then fail(handler, "%s", tostring(err):gsub("^.-webhook%.answer: ", "")) end
end

-- A task of the host's for each request.
function M.run(handler, info)
    local _, body = core.call("webhook.body", { request = info.request })
    local req = setmetatable({
        method = info.method, path = info.path, query = info.query, headers = info.headers,
        body = body or "",
    }, mt)
    if handler.verify and not handler.verify(req) then
        core.call("webhook.answer", { request = info.request, refused = true })
        return
    end
    answer(handler, info.request, handler.fn(req))
end

-- For tests of the library.
function M.request(fields)
    return setmetatable(fields, mt)
end

return M
