-- The raw client: the primitives.

local core = ...
local class = core.require "class"
local err = core.require "error"
local secret = core.require "secret"
local time = core.require "time"

local M = {}

local client_mt, batch_mt

local function timeout_of(opts)
    return opts and time.seconds(opts.timeout)
end

-- ---- batches ----

local PAGE = 50

local batch = {}

function batch.events(self, opts)
    local section = opts and opts.section
    local rows, at, over, restart = {}, 0, false, true
    return function()
        at = at + 1
        if not rows[at] and not over then
            local why
            rows, why = core.call("batch.next", {
                client = self.client, batch = self.number, section = section, max = PAGE,
                restart = restart,
            })
            if not rows then error(why, 0) end
            restart, at, over = false, 1, #rows == 0
        end
        local row = rows[at]
        if not row then
            rows = {}
            return nil
        end
        row.event.room_id = row.event.room_id or row.room_id
        return row.event
    end
end

function batch.json(self, opts)
    local response, why = core.call("batch.json", { client = self.client, batch = self.number })
    if not response then return nil, why end
    local max = opts and opts.max_bytes
    if max and #core.json_encode(response, "") > max then
        return nil, err.new("limit", ("the response is larger than %d bytes"):format(max))
    end
    return response
end

-- ---- the client ----

local methods = {}

local function get(self, path, opts)
    local result, why = core.call("client.request",
        { client = self.number, method = "GET", path = path, timeout = timeout_of(opts) })
    if not result then return nil, why end
    return result.body
end

function methods.save(self, file)
    return core.call("client.save", { client = self.number, file = file })
end

function methods.login(self, opts)
    return core.call("client.login", {
        client = self.number, user = opts.user, password = secret.text(opts.password),
        token = secret.text(opts.token), device_id = opts.device_id,
        device_name = opts.device_name, timeout = timeout_of(opts),
    })
end

function methods.login_flows(self, opts) return get(self, "/login", opts) end
function methods.whoami(self, opts) return get(self, "/account/whoami", opts) end
function methods.versions(self, opts) return get(self, "/_matrix/client/versions", opts) end

function methods.logout(self, opts)
    local ok, why = core.call("client.logout", { client = self.number, timeout = timeout_of(opts) })
    if ok == nil then return nil, why end
    return true
end

function methods.send(self, room_id, event_type, content, opts)
    local result, why = core.call("client.send", {
        client = self.number, room_id = room_id, type = event_type, content = content,
        txn_id = opts and opts.txn_id, timeout = timeout_of(opts),
    })
    if not result then return nil, why end
    return result.event_id
end

local function sync(self, opts, since, once)
    local result, why = core.call("client.sync", {
        client = self.number, since = since, filter = opts.filter, types = opts.types,
        sync_timeout = timeout_of(opts), full_state = opts.full_state,
        set_presence = opts.set_presence, once = once, keep = true,
    })
    if not result then return nil, why end
    return setmetatable({
        next_batch = result.next_batch, initial = result.initial,
        client = self.number, number = result.batch,
    }, batch_mt)
end

function methods.sync(self, opts)
    opts = opts or {}
    local since = opts.since
    return function()
        local found, why = sync(self, opts, since)
        if not found then
            if why.kind == "cancelled" then error(why, 0) end
            rawset(self, "error", why)
            return nil
        end
        since = found.next_batch
        return found
    end
end

function methods.sync_once(self, opts)
    opts = opts or {}
    return sync(self, opts, opts.since, true)
end

function methods.define_filter(self, filter, opts)
    local result, why = core.call("client.define_filter",
        { client = self.number, filter = filter, timeout = timeout_of(opts) })
    if not result then return nil, why end
    return result.filter_id
end

function methods.request(self, method, path, opts)
    opts = opts or {}
    local result, why = core.call("client.request", {
        client = self.number, method = method:upper(), path = path, query = opts.query,
        body = opts.body, headers = secret.reveal_all(opts.headers), timeout = timeout_of(opts),
    })
    if not result then return nil, why end
    local body = result.body
    if body == nil then body = {} end
    return body, { status = result.status, headers = result.headers }
end

batch_mt = class.define("Batch", {
    what = "a batch", methods = batch,
    text = function(self) return "batch to " .. self.next_batch end,
})
client_mt = class.define("Client", {
    what = "a client", methods = methods,
    text = function() return "client" end,
})

-- args as of the host call client.open.
function M.open(args)
    local result, why = core.call("client.open", args)
    if not result then return nil, why end
    return setmetatable({ number = result.client }, client_mt)
end

-- matrix.client{ ... }
function M.new(opts)
    opts = opts or {}
    return M.open({
        homeserver = opts.homeserver, user_id = opts.user_id,
        access_token = secret.text(opts.access_token), device_id = opts.device_id,
        session = opts.session, account = opts.account,
    })
end

return M
