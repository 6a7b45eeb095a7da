-- A bot on the fake core, with one room and what the host would answer.

local fake = require "fake_core"

local M = {}

M.ME, M.ALICE, M.BOB = "@bot:test", "@alice:test", "@bob:test"
M.ROOM = "!room:test"

local function deep_copy(value)
    if type(value) ~= "table" then return value end
    local out = setmetatable({}, getmetatable(value))
    for k, v in pairs(value) do out[k] = deep_copy(v) end
    return out
end

local function add_memory(calls, root)
    local function walk(path, last)
        local at = root
        for i = 1, last do
            if type(at) ~= "table" then return nil end
            at = at[path[i]]
        end
        return at
    end
    calls["memory.get"] = function(a)
        local value = walk(a.path, #a.path)
        if value == nil then return { kind = "nil" } end
        if type(value) == "table" then return { kind = "table" } end
        return { kind = "value", value = value }
    end
    calls["memory.set"] = function(a)
        local parent = walk(a.path, #a.path - 1)
        if type(parent) ~= "table" then return nil, { kind = "store", error = "no table" } end
        local value = a.value
        if type(value) == "userdata" then value = nil end
        parent[a.path[#a.path]] = deep_copy(value)
        return true
    end
    calls["memory.keys"] = function(a)
        local keys = {}
        for key in pairs(walk(a.path, #a.path) or {}) do keys[#keys + 1] = key end
        table.sort(keys, function(x, y)
            if type(x) ~= type(y) then return type(x) == "number" end
            return x < y
        end)
        return keys
    end
end

local function add_store(calls, rows)
    calls["store.get"] = function(a) return deep_copy(rows[a.key]) end
    calls["store.set"] = function(a)
        rows[a.key] = { value = deep_copy(a.value), expires = a.expires or a.ttl }
        return true
    end
    calls["store.delete"] = function(a)
        rows[a.key] = nil
        return true
    end
    calls["store.keys"] = function(a)
        local keys = {}
        for key in pairs(rows) do
            if key:sub(1, #(a.prefix or "")) == (a.prefix or "") and key > (a.after or "") then
                keys[#keys + 1] = key
            end
        end
        table.sort(keys)
        return table.move(keys, 1, math.min(#keys, a.max), 1, {})
    end
end

local function add_room(calls, w)
    calls["room.info"] = function() return deep_copy(w.info) end
    calls["room.state"] = function(a)
        local content = (w.state[a.type] or {})[a.state_key]
        return content and { content = deep_copy(content), sender = M.ALICE }
    end
    calls["room.states"] = function(a)
        local rows = {}
        for key, content in pairs(w.state[a.type] or {}) do
            if not a.after or key > a.after then
                rows[#rows + 1] = { state_key = key, content = deep_copy(content) }
            end
        end
        table.sort(rows, function(x, y) return x.state_key < y.state_key end)
        return table.move(rows, 1, math.min(#rows, a.max), 1, {})
    end
    calls["room.power"] = function(a) return w.power[a.user_id] or 0 end
    calls["room.required_power"] = function(a) return a.state and 50 or 0 end
    calls["room.members"] = function() return true end
    calls["room.resolve"] = function(a)
        if w.aliases[a.alias] then return { room_id = w.aliases[a.alias], servers = {} } end
        return nil, { kind = "matrix", errcode = "M_NOT_FOUND", error = "no " .. a.alias }
    end
end

-- options: exec. Returns w: bot, matrix, core, state, what the room is like,
-- sent (contents), and say(body, content) -> what was sent for it.
function M.new(options)
    local w = {
        sent = {}, power = {}, aliases = {}, rows = {}, memory = {}, registered = {},
        info = { room_id = M.ROOM, membership = "join", encrypted = false, direct = false,
            joined_count = 3, invited_count = 0, heroes = {} },
        state = { ["m.room.member"] = {
            [M.ME] = { membership = "join", displayname = "Botty" },
            [M.ALICE] = { membership = "join", displayname = "Alice" },
            [M.BOB] = { membership = "join", displayname = "Bob" },
        } },
        account = { user_id = M.ME, device_id = "DEV", prefix = "!", admins = {},
            account = "main" },
    }
    local calls, count = {}, 0
    local function register(args)
        w.registered[#w.registered + 1] = args
        return true
    end
    for _, name in ipairs({ "on", "command", "timer", "off", "set" }) do
        calls["script." .. name] = register
    end
    calls["account.info"] = function() return w.account end
    calls["account.rooms"] = function() return { M.ROOM } end
    calls["script.config"] = function() return { config = w.config, secrets = w.secrets } end
    calls["script.commands"] = function()
        local list = {}
        for _, args in ipairs(w.registered) do
            if args.usage then list[#list + 1] = args end
        end
        return { commands = list, first = true }
    end
    calls["log.write"] = function() return true end
    calls["room.send"] = function(a)
        if w.send_error then return nil, deep_copy(w.send_error) end
        count = count + 1
        w.sent[#w.sent + 1] = a.content
        return { event_id = "$sent" .. count, txn_id = "t" }
    end
    calls["room.redact"] = function() return { event_id = "$redaction" } end
    add_room(calls, w)
    add_store(calls, w.rows)
    add_memory(calls, w.memory)
    w.calls = calls
    w.matrix, w.bot, w.core, w.state_of_core = fake.load({ calls = calls, exec = options
        and options.exec })
    w.host = w.state_of_core
    local number = 0

    -- An event to every handler, as the host does; what was sent meanwhile.
    function w.deliver(event, info)
        local from = #w.sent
        number = number + 1
        event.event_id = event.event_id or "$event" .. number
        event.sender = event.sender or M.ALICE
        info = info or { room_id = M.ROOM, own = event.sender == M.ME, attempt = 1 }
        for _, args in ipairs(w.registered) do
            if args.id and (args.name or args.usage) then
                local ok, err = w.host.run(args.usage and "command" or "event", args.id,
                    deep_copy(event), info)
                if not ok then error(err, 0) end
            end
        end
        return table.move(w.sent, from + 1, #w.sent, 1, {})
    end
    function w.say(body, content)
        content = content or {}
        content.body, content.msgtype = body, content.msgtype or "m.text"
        return w.deliver({ type = "m.room.message", content = content })
    end
    return w
end

return M
