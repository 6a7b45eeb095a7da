-- Account data, receipts, typing, messages to devices.
local s = require "suite"

local function find(events, kind)
    for _, ev in ipairs(events or {}) do
        if ev.type == kind then return ev end
    end
    return nil
end

s.case("account data", function()
    local alice, bob = s.person("alice"), s.person("bob")
    local room_id = alice:room_with({ bob })
    local global = s.path("/user/%s/account_data/org.example.tea", alice.user_id)
    local of_room = s.path("/user/%s/rooms/%s/account_data/org.example.tea", alice.user_id, room_id)
    alice:check("before", "GET", global)
    local since = alice:sync().next_batch
    alice:check("set", "PUT", global, { body = { kind = "green" } })
    alice:check("get", "GET", global, { show = { "kind" } })
    alice:check("set in a room", "PUT", of_room, { body = { cups = 2 } })
    alice:check("get in a room", "GET", of_room, { show = { "cups" } })
    bob:check("another's", "GET", global)
    bob:check("set another's", "PUT", global, { body = {} })
    alice:check("what the server keeps", "PUT",
        s.path("/user/%s/account_data/m.fully_read", alice.user_id), { body = {} })
    local body = alice:sync(since)
    local ev = find(body.account_data and body.account_data.events, "org.example.tea")
    s.note("by sync", ev and ev.content)
    local room = body.rooms.join[room_id]
    s.note("by sync, of the room", find(room.account_data.events, "org.example.tea").content)
    local first = alice:sync()
    s.note("in a first sync", find(first.account_data.events, "org.example.tea").content,
        find(first.rooms.join[room_id].account_data.events, "org.example.tea").content)
end)

s.case("receipts", function()
    local alice, bob = s.person("alice"), s.person("bob")
    local room_id = alice:room_with({ bob })
    local event_id = alice:send(room_id, "read me")
    local since = alice:sync().next_batch
    bob:check("read", "POST", s.path("/rooms/%s/receipt/m.read/%s", room_id, event_id),
        { body = {} })
    bob:check("an unknown kind", "POST", s.path("/rooms/%s/receipt/m.unheard/%s", room_id,
        event_id),
        { body = {} })
    local body = alice:sync_until(since, function(b)
        local room = b.rooms and b.rooms.join and b.rooms.join[room_id]
        return room and find(room.ephemeral.events, "m.receipt")
    end)
    local receipt = find(body.rooms.join[room_id].ephemeral.events, "m.receipt")
    s.note("by sync", receipt.content[event_id]["m.read"][bob.user_id] ~= nil)
    since = bob:sync().next_batch
    bob:check("read markers", "POST", s.path("/rooms/%s/read_markers", room_id),
        { body = { ["m.fully_read"] = event_id, ["m.read"] = event_id } })
    body = bob:sync_until(since, function(b)
        local room = b.rooms and b.rooms.join and b.rooms.join[room_id]
        return room and find(room.account_data.events, "m.fully_read")
    end)
    s.note("fully read", find(body.rooms.join[room_id].account_data.events, "m.fully_read").content)
end)

s.case("typing", function()
    local alice, bob, carol = s.person("alice"), s.person("bob"), s.person("carol")
    local room_id = alice:room_with({ bob })
    local path = s.path("/rooms/%s/typing/%s", room_id, bob.user_id)
    local since = alice:sync().next_batch
    local function see(step, from)
        local body = alice:sync_until(from, function(b)
            local room = b.rooms and b.rooms.join and b.rooms.join[room_id]
            return room and find(room.ephemeral.events, "m.typing")
        end)
        s.note(step, find(body.rooms.join[room_id].ephemeral.events, "m.typing").content.user_ids)
        return body.next_batch
    end
    bob:check("begin", "PUT", path, { body = { typing = true, timeout = 20000 } })
    since = see("begun", since)
    bob:check("end", "PUT", path, { body = { typing = false } })
    see("ended", since)
    alice:check("for another", "PUT", path, { body = { typing = true, timeout = 1000 } })
    carol:check("from outside", "PUT", s.path("/rooms/%s/typing/%s", room_id, carol.user_id),
        { body = { typing = true, timeout = 1000 } })
end)

s.case("to devices", function()
    local alice, bob = s.person("alice"), s.person("bob")
    local since = bob:sync().next_batch
    local function send(step, txn_id, messages)
        alice:check(step, "PUT", s.path("/sendToDevice/org.example.ring/%s", txn_id),
            { body = { messages = messages } })
    end
    local txn = s.txn_id()
    send("to one device", txn, { [bob.user_id] = { [bob.device_id] = { n = 1 } } })
    send("the same transaction", txn, { [bob.user_id] = { [bob.device_id] = { n = 1 } } })
    send("to all devices", s.txn_id(), { [bob.user_id] = { ["*"] = { n = 2 } } })
    send("to a device that is not there", s.txn_id(), { [bob.user_id] = { NONE = { n = 3 } } })
    local body = bob:sync_until(since, function(b)
        return b.to_device and #(b.to_device.events or {}) > 0
    end)
    s.note("they come", s.events(body.to_device.events))
    local later = bob:sync(body.next_batch)
    s.note("once", s.events(later.to_device and later.to_device.events))
end)
