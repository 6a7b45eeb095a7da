-- runs in: lua5.4
-- bot.store and bot.memory: the same values, two lives.
local t = require "harness"
local world = require "world"

local function fresh()
    local w = world.new()
    return w.bot, w
end

t.case("store: get, set, delete, keys", function()
    local bot, w = fresh()
    t.eq(bot.store:get("a"), nil)
    t.eq(bot.store:set("a", { n = 1, list = { "x", "y" } }), true)
    t.eq(bot.store:get("a"), { n = 1, list = { "x", "y" } })
    bot.store:set("b", false, { ttl = "7d" })
    t.eq(w.host.named("store.set")[2].args.ttl, 604800)
    t.eq(bot.store:get("b"), false)
    bot.store:set("a", nil)
    t.eq(bot.store:get("a"), nil)
    bot.store:delete("b")
    t.eq(next(w.rows), nil)
    for i = 1, 250 do bot.store:set(("k%03d"):format(i), i) end
    bot.store:set("other", 1)
    local count, last = 0, ""
    for key in bot.store:keys("k") do
        t.ok(key > last)
        count, last = count + 1, key
    end
    t.eq(count, 250)
end)

t.case("store: update is one step and keeps the ttl", function()
    local bot, w = fresh()
    t.eq(bot.store:update("n", function(old) return (old or 0) + 1 end), 1)
    w.rows.n.expires = 77
    t.eq(bot.store:update("n", function(old) return old + 1 end), 2)
    t.eq(w.rows.n, { value = 2, expires = 77 })
    t.eq(bot.store:update("n", function() return nil end), nil)
    t.eq(w.rows.n, nil)
    t.raises("on purpose", function() bot.store:update("n", function() error("on purpose") end) end)
end)

t.case("only plain values, told with their path", function()
    local bot = fresh()
    local self = {}
    self.self = self
    local rows = {
        { { { 1 }, { 2 }, { cb = print } }, "votes%[3%].cb is a function" },
        { print, "votes is a function" }, { { [1.5] = 1 }, "votes has a key that is a number" },
        { { [true] = 1 }, "votes has a key that is a boolean" },
        { { 1, 2, x = 3 }, "votes has string keys beside numbers" },
        { { [1] = 1, [3] = 3 }, "votes has number keys that are not 1 to 2" },
        { { x = 0 / 0 }, "votes.x is %-?nan" }, { { x = math.huge }, "votes.x is inf" },
        { self, "votes.self contains itself" },
        { { x = { "ok", "\xff" } }, "votes.x%[2%] is not valid UTF%-8" },
        { { ["\xff"] = 1 }, "a key of votes is not valid UTF%-8" },
        { { r = bot:room("!a:b") }, "votes.r is an object" },
        { coroutine.create(print), "votes is a thread" },
    }
    for _, row in ipairs(rows) do
        t.raises("test_store.lua:%d+: " .. row[2], function() bot.store:set("votes", row[1]) end)
    end
    t.raises("unknown field 'tll', did you mean 'ttl'", function()
        bot.store:set("a", 1, { tll = 3 })
    end)
    t.raises("argument 1, key: string expected, got number", function() bot.store:get(1) end)
end)

t.case("store: a full one is a value", function()
    local bot, w = fresh()
    w.calls["store.set"] = function() return nil, { kind = "limit", error = "quota" } end
    local ok, err = bot.store:set("a", 1)
    t.eq({ ok, err.kind }, { nil, "limit" })
    ok, err = bot.store:update("a", function() return 1 end)
    t.eq({ ok, err.kind }, { nil, "limit" })
end)

-- ---- memory ----

t.case("memory looks like a table", function()
    local bot, w = fresh()
    local m = bot.memory
    t.eq(m.count, nil)
    m.count = (m.count or 0) + 1
    t.eq(m.count, 1)
    m.votes = { alice = { 1, 2 }, bob = {} }
    m.votes.alice[3] = 3
    m.votes.carol = { x = true }
    t.eq(w.memory, { count = 1, votes = { alice = { 1, 2, 3 }, bob = {}, carol = { x = true } } })
    t.eq(m.votes.carol.x, true)
    t.eq(#m.votes.alice, 3)
    t.eq(#m.votes.bob, 0)
    local keys = {}
    for key in pairs(m.votes) do keys[#keys + 1] = key end
    t.eq(keys, { "alice", "bob", "carol" })
    local sum = 0
    for _, n in ipairs(m.votes.alice) do sum = sum + n end
    t.eq(sum, 6)
    m.votes.alice = nil
    t.eq(w.memory.votes.alice, nil)
    t.ok(m.votes == bot.memory.votes)
    t.eq(tostring(m.votes.carol), "bot.memory.votes.carol")
end)

t.case("memory: table functions work on lists", function()
    local bot, w = fresh()
    bot.memory.list = {}
    local list = bot.memory.list
    table.insert(list, "b")
    table.insert(list, 1, "a")
    list[#list + 1] = "c"
    t.eq(w.memory.list, { "a", "b", "c" })
    t.eq(table.concat(list, ","), "a,b,c")
    t.eq(table.remove(list, 1), "a")
    t.eq({ table.unpack(list) }, { "b", "c" })
    list[1.0] = "z"
    t.eq(w.memory.list[1], "z")
end)

t.case("memory: what is read is walked while it changes", function()
    local bot, w = fresh()
    bot.memory.set = { a = 1, b = 2, c = 3 }
    for key in pairs(bot.memory.set) do bot.memory.set[key] = nil end
    t.eq(next(w.memory.set), nil)
end)

t.case("memory: plain values only, and copies of itself", function()
    local bot, w = fresh()
    t.raises("test_store.lua:%d+: bot.memory.cb is a function", function()
        bot.memory.cb = print
    end)
    t.raises("bot.memory.a.b%[1%] is a thread", function()
        bot.memory.a = {}
        bot.memory.a.b = { coroutine.create(print) }
    end)
    t.raises("bot.memory: a key must be a string or a whole number, not a boolean", function()
        bot.memory[true] = 1
    end)
    t.eq(bot.memory[nil], nil)
    bot.memory.one = { n = { 1, 2 } }
    bot.memory.two = bot.memory.one
    t.eq(w.memory.two, { n = { 1, 2 } })
    bot.store:set("kept", bot.memory.one)
    t.eq(w.rows.kept.value, { n = { 1, 2 } })
end)

return t.finish()
