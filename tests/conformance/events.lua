-- Sending, transaction IDs, redaction, edits and reactions.
local s = require "suite"

s.case("send", function()
    local alice, bob, carol = s.person("alice"), s.person("bob"), s.person("carol")
    local room_id = alice:room_with({ bob })
    local function send(person, step, txn_id, body, kind)
        return person:check(step, "PUT", s.path("/rooms/%s/send/%s/%s", room_id,
            kind or "m.room.message", txn_id), { body = body, show = { "event_id" } })
    end
    local text, txn = { msgtype = "m.text", body = "hello" }, s.txn_id()
    send(alice, "a message", txn, text)
    send(alice, "the same transaction", txn, text)
    send(alice, "the same transaction, another text", txn, { msgtype = "m.text", body = "other" })
    send(alice, "the same transaction, another type", txn, { x = 1 }, "org.example.thing")
    send(bob, "the same transaction of another user", txn, text)
    send(alice, "another transaction", s.txn_id(), text)
    send(carol, "from outside", s.txn_id(), text)
    send(alice, "too large", s.txn_id(), { msgtype = "m.text", body = ("x"):rep(70000) })
    send(alice, "nothing in it", s.txn_id(), {}, "org.example.thing")
    send(alice, "no object", s.txn_id(), matrix.array{}, "org.example.thing")
    alice:check("in no room", "PUT", s.path("/rooms/%s/send/m.room.message/%s",
        "!none:" .. alice.user_id:match(":(.+)$"), s.txn_id()), { body = text })
end)

s.case("transactions of two devices", function()
    local alice = s.person("alice")
    local room_id = alice:create_room()
    local other = s.stranger()
    other.name = "alice'"
    local login = other:must("POST", "/login", { type = "m.login.password",
        identifier = { type = "m.id.user", user = alice.localpart }, password = alice.password })
    other.client = matrix.client{ homeserver = s.url, user_id = login.user_id,
        access_token = login.access_token, device_id = login.device_id }
    local path = s.path("/rooms/%s/send/m.room.message/%s", room_id, s.txn_id())
    local text = { msgtype = "m.text", body = "hello" }
    local since = alice:sync().next_batch
    local since_other = other:sync().next_batch
    alice:check("send", "PUT", path, { body = text, show = { "event_id" } })
    other:check("send the same", "PUT", path, { body = text, show = { "event_id" } })
    for person, from in pairs({ [alice] = since, [other] = since_other }) do
        local found = person:sync(from).rooms.join[room_id].timeline.events
        local own = {}
        for i, ev in ipairs(found) do own[i] = ev.unsigned and ev.unsigned.transaction_id ~= nil end
        s.note(person == alice and "what alice sees as hers" or "what the other device does",
            matrix.array(own))
    end
end)

s.case("redaction", function()
    for _, version in ipairs({ "10", "11" }) do
        local alice, bob, carol = s.person("alice"), s.person("bob"), s.person("carol")
        local room_id = alice:room_with({ bob }, { preset = "private_chat",
            room_version = version })
        local function redact(person, step, event_id, txn_id)
            return person:check(step, "PUT", s.path("/rooms/%s/redact/%s/%s", room_id, event_id,
                txn_id or s.txn_id()), { body = { reason = "because" }, show = { "event_id" } })
        end
        local function read(event_id)
            local ev = alice:must("GET", s.path("/rooms/%s/event/%s", room_id, event_id))
            local because = ev.unsigned and ev.unsigned.redacted_because
            s.note("version " .. version, ev.content, because and because.content)
        end
        local mine, his = alice:send(room_id, "mine"), bob:send(room_id, "his")
        local topic = alice:must("PUT", s.path("/rooms/%s/state/m.room.topic", room_id),
            { topic = "secret" }).event_id
        local txn = s.txn_id()
        redact(bob, "another's", mine)
        redact(bob, "his own", his, txn)
        redact(bob, "the same transaction", his, txn)
        read(his)
        redact(alice, "as admin", bob:send(room_id, "again"))
        redact(alice, "twice", his)
        redact(alice, "state", topic)
        read(topic)
        alice:check("the redacted topic", "GET", s.path("/rooms/%s/state/m.room.topic", room_id))
        redact(alice, "what is not there", "$none")
        redact(carol, "from outside", mine)
        local create = alice:must("GET", s.path("/rooms/%s/state", room_id))
        for _, ev in ipairs(create) do
            if ev.type == "m.room.join_rules" then redact(alice, "join rules", ev.event_id) end
        end
        alice:check("redacted join rules", "GET", s.path("/rooms/%s/state/m.room.join_rules",
            room_id),
            { show = { "join_rule" } })
    end
end)

s.case("relations", function()
    local alice, bob = s.person("alice"), s.person("bob")
    local room_id = alice:room_with({ bob })
    local root = alice:send(room_id, "root")
    local function relate(person, rel_type, more, kind)
        local content = { msgtype = "m.text", body = "* new",
            ["m.relates_to"] = { rel_type = rel_type, event_id = root } }
        for key, value in pairs(more or {}) do
            if key == "key" then content["m.relates_to"].key = value else content[key] = value end
        end
        return person:send(room_id, content, kind)
    end
    relate(alice, "m.replace", { ["m.new_content"] = { msgtype = "m.text", body = "new" } })
    relate(bob, "m.annotation", { key = "+" }, "m.reaction")
    local reaction = relate(alice, "m.annotation", { key = "+" }, "m.reaction")
    relate(bob, "m.thread")
    bob:check("the same reaction again", "PUT", s.path("/rooms/%s/send/m.reaction/%s", room_id,
        s.txn_id()), { body = { ["m.relates_to"] = { rel_type = "m.annotation", event_id = root,
        key = "+" } } })
    local base = s.path("/_matrix/client/v1/rooms/%s/relations/%s", room_id, root)
    local function list(step, path, query)
        local body = bob:check(step, "GET", path, { query = query })
        local out = {}
        for i, ev in ipairs(body.chunk or {}) do
            out[i] = ev.content["m.relates_to"] and ev.content["m.relates_to"].rel_type or "-"
        end
        s.note(step, matrix.array(out), body.next_batch ~= nil)
        return body
    end
    list("all", base)
    list("reactions", base .. "/m.annotation")
    list("messages in threads", base .. "/m.thread/m.room.message")
    list("threads of another type", base .. "/m.thread/m.sticker")
    local page = list("a page", base, { limit = 2 })
    list("the next page", base, { limit = 2, from = page.next_batch })
    list("forwards", base, { dir = "f" })
    alice:must("PUT", s.path("/rooms/%s/redact/%s/%s", room_id, reaction, s.txn_id()), {})
    list("after a redaction", base .. "/m.annotation")
    list("of what is not there", s.path("/_matrix/client/v1/rooms/%s/relations/%s", room_id,
        "$none"))
end)
