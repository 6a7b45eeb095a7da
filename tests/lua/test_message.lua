-- runs in: lua5.4
local t = require "harness"
local world = require "world"

local w = world.new()
local room = w.bot:room(world.ROOM)

local function sent_by(fn)
    local from = #w.sent
    local result, err = fn()
    return w.sent[from + 1], result, err
end

local function say(x, opts)
    return (sent_by(function() return room:send(x, opts) end))
end

t.case("text is m.text, with m.mentions always", function()
    t.eq(say("hello"), { msgtype = "m.text", body = "hello", ["m.mentions"] = {} })
    local content = sent_by(function() return room:notice("hello") end)
    t.eq(content.msgtype, "m.notice")
    t.eq(say({ body = "x", msgtype = "m.emote" }).msgtype, "m.emote")
end)

t.case("html derives body, or stands beside it", function()
    local content = say({ html = "<b>bold</b> &amp; more" })
    t.eq(content.body, "bold & more")
    t.eq(content.format, "org.matrix.custom.html")
    t.eq(content.formatted_body, "<b>bold</b> &amp; more")
    t.eq(say({ html = "<b>x</b>", body = "own" }).body, "own")
    t.eq(say({ body = "no html" }).format, nil)
end)

t.case("markdown derives html and body", function()
    local content = say({ markdown = "a **bold** word" })
    t.eq(content.format, "org.matrix.custom.html")
    t.eq(content.formatted_body, "a <strong>bold</strong> word")
    t.eq(content.body, "a bold word")
    t.eq(say({ markdown = "**x**", body = "own" }).body, "own")
    local long = ("x"):rep(70000)
    t.eq(say({ markdown = long }), { msgtype = "m.text", body = long, ["m.mentions"] = {} })
end)

t.case("replies and threads", function()
    t.eq(say({ body = "x", reply_to = "$a" })["m.relates_to"],
        { ["m.in_reply_to"] = { event_id = "$a" } })
    t.eq(say({ body = "x", thread = "$root" })["m.relates_to"], {
        rel_type = "m.thread", event_id = "$root", is_falling_back = true,
        ["m.in_reply_to"] = { event_id = "$root" } })
    t.eq(say({ body = "x", thread = "$root", reply_to = "$a" })["m.relates_to"], {
        rel_type = "m.thread", event_id = "$root", is_falling_back = false,
        ["m.in_reply_to"] = { event_id = "$a" } })
    local _, first = sent_by(function() return room:send("first") end)
    t.eq(say({ body = "x", reply_to = first })["m.relates_to"]["m.in_reply_to"].event_id,
        first.event_id)
    t.eq(say({ body = "x", thread = first })["m.relates_to"].event_id, first.event_id)
end)

t.case("mentions: IDs, members, users, once each, and the room", function()
    local member = room:member(world.BOB)
    local content = say({ body = "x", mentions = {
        world.ALICE, member, w.bot:user(world.ALICE), room = true } })
    t.eq(content["m.mentions"], { user_ids = { world.ALICE, world.BOB }, room = true })
    t.raises("mentions: a list of user IDs", say, { body = "x", mentions = { 3 } })
    t.raises("mentions: unknown field 'rom'", say, { body = "x", mentions = { rom = true } })
end)

t.case("content is merged last, options go beside it", function()
    local content = say({ body = "x", content = { ["org.example.n"] = 1, msgtype = "m.custom" },
        txn_id = "t1", timeout = "2m" })
    t.eq(content["org.example.n"], 1)
    t.eq(content.msgtype, "m.custom")
    local call = w.host.log[#w.host.log]
    for i = #w.host.log, 1, -1 do
        if w.host.log[i].name == "room.send" then
            call = w.host.log[i]
            break
        end
    end
    t.eq(call.args.txn_id, "t1")
    t.eq(call.args.timeout, 120)
    t.eq(call.args.room_id, world.ROOM)
end)

t.case("mistakes raise at this line", function()
    t.raises("test_message.lua:%d+: room:send: unknown field 'bdoy', did you mean", function()
        room:send({ bdoy = "x" })
    end)
    t.raises("a message needs body, html or markdown", say, {})
    t.raises("argument 1, what: string or Message expected, got number", say, 3)
    t.raises("argument 1, what: 'body': string expected, got number", say, { body = 3 })
    t.raises("html or markdown, not both", say, { markdown = "x", html = "x" })
    t.raises("unknown field 'markdwon', did you mean 'markdown'", say, { markdwon = "x" })
    t.raises("unknown field 'image'", say, { image = "x" })
end)

t.case("a failure is nil, err", function()
    w.send_error = { kind = "limit", error = "sending: larger than 64 KiB" }
    local _, result, err = sent_by(function() return room:send("x") end)
    w.send_error = nil
    t.eq(result, nil)
    t.eq(err.kind, "limit")
end)

-- ---- answers, reactions, edits ----

local function on_message(content, fn, event)
    local got
    w = world.new()
    w.bot:on("message", function(ev) got = table.pack(fn(ev)) end)
    event = event or {}
    event.type, event.content = "m.room.message", content
    event.event_id = event.event_id or "$cause"
    return w.deliver(event), got
end

t.case("a reply answers in its thread and mentions the sender", function()
    local sent, got = on_message({ body = "hi", msgtype = "m.text" }, function(ev)
        return ev:reply("hello")
    end)
    t.eq(sent[1], { msgtype = "m.notice", body = "hello",
        ["m.mentions"] = { user_ids = { world.ALICE } },
        ["m.relates_to"] = { ["m.in_reply_to"] = { event_id = "$cause" } } })
    t.eq(got[1].event_id, "$sent1")
    t.eq(got[1].is_own, true)
    sent = on_message({ body = "hi", msgtype = "m.text", ["m.relates_to"] = {
        rel_type = "m.thread", event_id = "$root" } }, function(ev) return ev:reply("hello") end)
    t.eq(sent[1]["m.relates_to"], { rel_type = "m.thread", event_id = "$root",
        is_falling_back = false, ["m.in_reply_to"] = { event_id = "$cause" } })
    sent = on_message({ body = "hi" }, function(ev)
        return ev:reply({ html = "<i>x</i>", mentions = {}, msgtype = "m.text" })
    end)
    t.eq(sent[1]["m.mentions"], {})
    t.eq(sent[1].msgtype, "m.text")
end)

t.case("react, and redact", function()
    local sent = on_message({ body = "hi" }, function(ev)
        ev:react("👍")
        return ev:redact("spam")
    end)
    t.eq(sent[1], { ["m.relates_to"] = { rel_type = "m.annotation", event_id = "$cause",
        key = "👍" } })
    local call = w.host.named("room.redact")[1].args
    t.eq({ call.event_id, call.reason }, { "$cause", "spam" })
end)

t.case("an edit replaces, and mentions only whom it newly mentions", function()
    local sent = on_message({ body = "hi" }, function(ev)
        local first = ev:reply("draft")
        local second = first:edit({ html = "<b>final</b>", mentions = { world.ALICE, world.BOB } })
        return second:edit("again")
    end)
    t.eq(sent[2], {
        msgtype = "m.notice", body = "* final", format = "org.matrix.custom.html",
        formatted_body = "* <b>final</b>",
        ["m.new_content"] = { msgtype = "m.notice", body = "final",
            format = "org.matrix.custom.html", formatted_body = "<b>final</b>",
            ["m.mentions"] = { user_ids = { world.ALICE, world.BOB } } },
        ["m.mentions"] = { user_ids = { world.BOB } },
        ["m.relates_to"] = { rel_type = "m.replace", event_id = "$sent1" },
    })
    t.eq(sent[3]["m.relates_to"].event_id, "$sent1", "an edit of an edit points at the first")
    t.eq(sent[3]["m.new_content"]["m.mentions"], { user_ids = { world.ALICE, world.BOB } })
    t.eq(sent[3]["m.mentions"], {})
    t.raises("only the bot's own events can be edited, this is from @alice:test", on_message,
        { body = "hi" }, function(ev) ev:edit("x") end)
    t.raises("an edit keeps what its event answers", on_message, { body = "hi" }, function(ev)
        ev:reply("x"):edit({ body = "y", reply_to = "$z" })
    end)
end)

t.case("an answer to an edit or reaction points at what it is about", function()
    w = world.new()
    w.bot:on("m.reaction", function(ev) ev:reply("thanks") end)
    w.bot:on("m.room.message", function(ev) ev:reply("seen") end)
    local sent = w.deliver({ type = "m.reaction", content = { ["m.relates_to"] = {
        rel_type = "m.annotation", event_id = "$target", key = "x" } } })
    t.eq(sent[1]["m.relates_to"]["m.in_reply_to"].event_id, "$target")
end)

t.case("without an admin room, what is said there is logged", function()
    w = world.new()
    local sent = w.bot.admin:notice("trouble")
    t.ok(sent)
    t.eq(#w.sent, 0)
    local line = w.host.named("log.write")[1].args
    t.eq(line.level, "warn")
    t.match(line.text, "trouble")
    t.eq(w.bot.admin:name(), nil)
    t.eq(tostring(w.bot.admin), "no admin room")
    local ok, err = w.bot.admin:kick(world.BOB)
    t.eq(ok, nil)
    t.eq(err.kind, "denied")
end)

return t.finish()
