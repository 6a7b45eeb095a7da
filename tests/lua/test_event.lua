-- runs in: lua5.4
local t = require "harness"
local world = require "world"

-- The event as a handler of its type sees it.
local function seen(event, info, change)
    local w = world.new()
    if change then change(w) end
    local got
    event.type = event.type or "m.room.message"
    event.content = event.content or {}
    w.bot:on(event.type, function(ev) got = ev end)
    w.deliver(event, info)
    return got, w
end

local function message(content, change)
    return seen({ content = content }, nil, change)
end

t.case("fields of the protocol, and what the host knows", function()
    local ev = seen({ event_id = "$a", sender = world.BOB, origin_server_ts = 999000,
        content = { body = "hi", msgtype = "m.text" }, unsigned = { age = 5 } },
        { room_id = world.ROOM, own = false, redelivered = true, attempt = 2, history = true })
    t.eq({ ev.event_id, ev.type, ev.sender, ev.room_id, ev.origin_server_ts },
        { "$a", "m.room.message", world.BOB, world.ROOM, 999000 })
    t.eq({ ev.redelivered, ev.attempt, ev.history, ev.is_own }, { true, 2, true, false })
    t.eq(ev.age, 1)
    t.eq(ev.unsigned.age, 5)
    t.eq({ ev.body, ev.msgtype, ev.html, ev.state_key }, { "hi", "m.text" })
    t.eq(tostring(ev.member), "Bob")
    t.eq(ev.room.room_id, world.ROOM)
    t.eq(ev.is_direct, false)
end)

t.case("nothing is assumed of what was sent", function()
    local null = require("cjson").null
    local ev = seen({ type = "m.room.message", event_id = "$a", content = {
        body = 3, msgtype = {}, format = "org.matrix.custom.html", formatted_body = false,
        ["m.relates_to"] = "x", ["m.mentions"] = null }, unsigned = "x", origin_server_ts = "y",
        state_key = 4, room_id = 5 })
    t.eq({ ev.body, ev.msgtype, ev.html, ev.thread_id, ev.reply_to_id, ev.target_id }, {})
    t.eq(ev.unsigned, {})
    t.eq(ev.origin_server_ts, 0)
    t.eq(ev.mentions_me, false)
    t.eq(ev.key, nil)
    ev = seen({ content = { ["m.relates_to"] = { rel_type = "m.thread", event_id = 3,
        ["m.in_reply_to"] = { event_id = {} } } } })
    t.eq({ ev.thread_id, ev.reply_to_id }, {})
    ev = seen({ content = {}, reply = "shadow", room = "shadow", is_own = true })
    t.eq(type(ev.reply), "function")
    t.eq(ev.is_own, false)
    t.eq(ev.room.room_id, world.ROOM)
end)

t.case("the reply fallback goes only where there is a reply", function()
    local reply = { ["m.in_reply_to"] = { event_id = "$q" } }
    local ev = message({ body = "> <@a:b> old\n> more\n\nnew", ["m.relates_to"] = reply,
        format = "org.matrix.custom.html",
        formatted_body = "<mx-reply><blockquote>old</blockquote></mx-reply><b>new</b>" })
    t.eq({ ev.body, ev.html, ev.reply_to_id }, { "new", "<b>new</b>", "$q" })
    t.eq(message({ body = "> quoted\n\nby hand" }).body, "> quoted\n\nby hand")
end)

t.case("threads and replies in them", function()
    local ev = message({ body = "x", ["m.relates_to"] = { rel_type = "m.thread",
        event_id = "$root", is_falling_back = true, ["m.in_reply_to"] = { event_id = "$q" } } })
    t.eq({ ev.thread_id, ev.reply_to_id }, { "$root" })
    ev = message({ body = "x", ["m.relates_to"] = { rel_type = "m.thread",
        event_id = "$root", ["m.in_reply_to"] = { event_id = "$q" } } })
    t.eq({ ev.thread_id, ev.reply_to_id }, { "$root", "$q" })
end)

t.case("mentions", function()
    local rows = {
        { { body = "hi", ["m.mentions"] = { user_ids = { "@x:y", world.ME } } }, true },
        { { body = "Botty hi", ["m.mentions"] = {} }, false },
        { { body = "hi", ["m.mentions"] = { user_ids = "x" } }, false },
        { { body = "hi Botty!" }, true }, { { body = "hi botty" }, true },
        { { body = "hi Bottyx" }, false }, { { body = "xBotty" }, false },
        { { body = "hi @bot:test" }, true }, { { body = "hi" }, false },
        { { body = "hi", format = "org.matrix.custom.html",
            formatted_body = '<a href="https://matrix.to/#/@bot:test">B</a>' }, true },
    }
    for _, row in ipairs(rows) do t.eq(message(row[1]).mentions_me, row[2], row[1].body) end
end)

t.case("reactions, edits, redactions of both kinds", function()
    local ev = seen({ type = "m.reaction", content = { ["m.relates_to"] = {
        rel_type = "m.annotation", event_id = "$t", key = "👍" } } })
    t.eq({ ev.target_id, ev.key }, { "$t", "👍" })
    ev = seen({ content = { body = "* b", ["m.new_content"] = { body = "b" },
        ["m.relates_to"] = { rel_type = "m.replace", event_id = "$t" } } })
    t.eq({ ev.target_id, ev.new_content.body, ev.key }, { "$t", "b" })
    ev = seen({ type = "m.room.redaction", redacts = "$old", content = { reason = "spam" } })
    t.eq({ ev.target_id, ev.reason }, { "$old", "spam" })
    ev = seen({ type = "m.room.redaction", content = { redacts = "$new" } })
    t.eq(ev.target_id, "$new")
    ev = seen({ type = "m.room.message", redacts = "$x", content = { body = "y" } })
    t.eq(ev.target_id, nil)
end)

t.case("membership and state", function()
    local ev = seen({ type = "m.room.member", state_key = world.ME, sender = world.ALICE,
        content = { membership = "invite", reason = "come" },
        unsigned = { prev_content = { membership = "leave" } } })
    t.eq({ ev.user_id, ev.membership, ev.reason, ev.is_me }, { world.ME, "invite", "come", true })
    t.eq(ev.prev_content, { membership = "leave" })
    ev = seen({ type = "m.room.member", state_key = world.BOB, sender = world.BOB,
        content = { membership = "join" }, prev_content = { membership = "invite" } })
    t.eq({ ev.is_me, ev.prev_content.membership }, { false, "invite" })
    ev = seen({ type = "m.room.topic", state_key = "", content = { topic = "x" } })
    t.eq({ ev.user_id, ev.membership, ev.is_me }, { nil, nil, false })
end)

t.case("an event without an ID cannot be reacted to", function()
    local w = world.new()
    w.bot:on("m.room.member", function(ev) ev:react("x") end)
    local ok, err = w.host.run("event", w.registered[1].id, { type = "m.room.member",
        state_key = world.ME, sender = world.ALICE, content = { membership = "invite" } },
        { room_id = world.ROOM })
    t.ok(not ok)
    t.match(err, "ev:react: this event has no event_id")
end)

t.case("unknown fields raise; late ones of the API do not exist", function()
    local ev = message({ body = "x" })
    t.raises("test_event.lua:%d+: an event has no field 'bodi', did you mean 'body'", function()
        return ev.bodi
    end)
    t.raises("has no field 'media'", function() return ev.media end)
    t.raises("'body' of an event cannot be assigned", function() ev.body = "y" end)
end)

-- ---- handlers ----

t.case("pattern, and room aliases in a filter", function()
    local w = world.new()
    local got = {}
    w.aliases["#ops:test"] = world.ROOM
    w.bot:on("message", { pattern = { "^deploy", "^undo" } }, function(ev)
        got[#got + 1] = ev.body
    end)
    w.bot:on("message", { room = { "#ops:test" } }, function() got[#got + 1] = "ops" end)
    w.bot:on("message", { room = "#other:test" }, function() got[#got + 1] = "other" end)
    w.say("deploy now")
    w.say("please deploy")
    w.say("undo")
    t.eq(got, { "deploy now", "ops", "ops", "undo", "ops" })
    t.eq(w.registered[2].filter, nil)
    t.raises("pattern '%[': malformed pattern", function()
        w.bot:on("message", { pattern = "[" }, print)
    end)
    t.raises("'ops' is no room ID", function() w.bot:on("message", { room = "ops" }, print) end)
end)

t.case("hear: captures follow the event", function()
    local w = world.new()
    local got = {}
    w.bot:hear("#(%d+) of (%w+)()", function(ev, ...)
        t.eq(ev.body, "see #12 of bob")
        got = table.pack(...)
    end)
    w.bot:hear("hello", { pattern = "^oh" }, function(_, ...) got = table.pack(...) end)
    w.bot:command("no", function() end)
    w.say("see #12 of bob")
    t.eq(got, { n = 3, "12", "bob", 15 })
    w.say("hello")
    t.eq(got.n, 3)
    w.say("oh hello")
    t.eq(got, { n = 1, "hello" })
    got = "nothing"
    w.say("!no, oh hello")
    w.say("!no oh #1 of hello")
    t.eq(got, "nothing")
    t.eq(w.registered[1].name, "message")
    t.eq(w.registered[1].filter, nil)
    t.raises("bot:hear: pattern '%[': malformed pattern", function() w.bot:hear("[", print) end)
    t.raises("bot:hear: argument 1, pattern: string", function() w.bot:hear({}, print) end)
    t.raises("bot:hear: call it with a colon", function() w.bot.hear("x", print) end)
    t.raises("bot:hear: unknown field 'sendr'", function()
        w.bot:hear("x", { sendr = "@a:b" }, print)
    end)
end)

t.case("what on gives to the host", function()
    local w = world.new()
    w.bot:on("join", { room = "!a:b", is_me = false }, print)
    local args = w.registered[1]
    t.eq(args.name, "join")
    t.eq(args.filter, { room = { "!a:b" }, is_me = false })
    t.match(args.where, "test_event.lua:%d+")
    t.raises("bot:on: argument 3, fn: function expected, got nothing", function()
        w.bot:on("join")
    end)
    t.raises("call it with a colon", function() w.bot.on("join", print) end)
    t.raises("unknown field 'patern', did you mean 'pattern'", function()
        w.bot:on("join", { patern = "x" }, print)
    end)
end)

t.case("hooks get their context, and snapshot gives plain data", function()
    local w = world.new()
    local got
    w.bot:on("load", function(ctx) got = ctx end)
    w.bot:on("snapshot", function() return { n = 1, list = { 1, 2 } } end)
    w.bot:on("unload", function() return "not kept" end)
    w.host.run("hook", w.registered[1].id, nil,
        { name = "load", reason = "reload", previous = { n = 1 }, from_version = 2 })
    t.eq(got, { reason = "reload", previous = { n = 1 }, from_version = 2 })
    local ok, value = w.host.run("hook", w.registered[2].id, nil, { name = "snapshot" })
    t.ok(ok)
    t.eq(value, { n = 1, list = { 1, 2 } })
    ok, value = w.host.run("hook", w.registered[3].id, nil, { name = "unload" })
    t.eq({ ok, value }, { true })
end)

t.case("snapshot may hold plain values only", function()
    local w = world.new()
    w.bot:on("snapshot", function() return { a = { { cb = print } } } end)
    local ok, err = w.host.run("hook", w.registered[1].id, nil, { name = "snapshot" })
    t.ok(not ok)
    t.match(err, "snapshot.a%[1%].cb is a function")
end)

t.case("timers", function()
    local w = world.new()
    local count = 0
    w.bot:every("10m", { name = "poll", jitter = "5s" }, function() count = count + 1 end)
    w.bot:after(2.5, function() count = count + 10 end)
    local every, after = w.registered[1], w.registered[2]
    t.eq({ every.seconds, every.every, every.name, every.jitter }, { 600, true, "poll", 5 })
    t.eq({ after.seconds, after.every }, { 2.5, false })
    w.host.run("timer", every.id)
    w.host.run("timer", every.id)
    w.host.run("timer", after.id)
    w.host.run("timer", after.id)
    t.eq(count, 12)
    t.raises("the interval must be more than nothing", function() w.bot:every(0, print) end)
    t.raises("'soon' is no duration", function() w.bot:after("soon", print) end)
    w.calls["script.timer"] = function() return nil, { kind = "cancelled", error = "replaced" } end
    local handle, err = w.bot:every("1m", print)
    t.eq(handle, nil)
    t.eq(err.kind, "cancelled")
end)

t.case("bot: identity, config, secrets, settings", function()
    local w = world.new()
    w.config, w.secrets = { feed = "x", list = { 1, 2 }, deep = { a = 1 } }, { key = "hunter2" }
    local bot = w.bot
    t.eq({ bot.name, bot.user_id, bot.device_id, bot.generation }, { "test", world.ME, "DEV", 1 })
    t.eq({ bot.config.feed, #bot.config.list, bot.config.deep.a, bot.config.none }, { "x", 2, 1 })
    t.raises("bot.config is read%-only", function() bot.config.new = 1 end)
    t.raises("bot.config.deep is read%-only", function() bot.config.deep.new = 1 end)
    t.eq(tostring(bot.secrets.key), "(secret)")
    t.eq(tostring("Bearer " .. bot.secrets.key), "(secret)")
    t.eq(("Bearer " .. bot.secrets.key):reveal(), "Bearer hunter2")
    t.eq(#bot.secrets.key, 7)
    t.eq(bot.secrets.none, nil)
    bot.version = 3
    bot.reload = "quiesce"
    bot.concurrency = 8
    t.eq({ bot.version, bot.reload, bot.concurrency }, { 3, "quiesce", 8 })
    t.eq(w.registered[1], { version = 3 })
    t.raises("bot.reload: \"quiesce\" expected, got fast", function() bot.reload = "fast" end)
    t.raises("bot has no field 'versoin', did you mean 'version'", function() bot.versoin = 1 end)
    t.raises("bot.store cannot be assigned", function() bot.store = {} end)
    t.raises("bot has no field 'knock'", function() return bot.knock end)
end)

return t.finish()
