-- Reading back: one event, pages of messages, what is around an event.
local s = require "suite"

local function bodies(list)
    local out = {}
    for i, ev in ipairs(list or {}) do out[i] = ev.content.body or ev.type end
    return matrix.array(out)
end

s.case("one event", function()
    local alice, bob, carol = s.person("alice"), s.person("bob"), s.person("carol")
    local room_id = alice:room_with({ bob })
    local event_id = alice:send(room_id, "hello")
    local function read(person, step, id)
        return person:check(step, "GET", s.path("/rooms/%s/event/%s", room_id, id), { show = {
            "type", "sender", "event_id", "room_id", "content" } })
    end
    read(bob, "read", event_id)
    read(bob, "what is not there", "$none")
    read(carol, "from outside", event_id)
    bob:must("POST", s.path("/rooms/%s/leave", room_id), {})
    local later = alice:send(room_id, "after bob left")
    read(bob, "of before one left", event_id)
    read(bob, "of after one left", later)
end)

s.case("messages", function()
    local alice, bob, carol = s.person("alice"), s.person("bob"), s.person("carol")
    local room_id = alice:room_with({ bob })
    for i = 1, 12 do alice:send(room_id, "message " .. i) end
    local path = s.path("/rooms/%s/messages", room_id)
    local function page(person, step, query)
        local body = person:check(step, "GET", path, { query = query })
        s.note(step, bodies(body.chunk), body["end"] ~= nil)
        return body
    end
    local first = page(bob, "the newest", { dir = "b", limit = 5 })
    local second = page(bob, "before these", { dir = "b", limit = 5, from = first["end"] })
    page(bob, "forwards again", { dir = "f", limit = 3, from = second["end"] })
    page(bob, "no limit given", { dir = "b" })
    page(bob, "only topics", { dir = "b", filter = '{"types":["m.room.create"]}', limit = 50 })
    page(bob, "not messages", { dir = "b", filter = '{"not_types":["m.room.message"]}', limit = 3 })
    page(bob, "of alice", { dir = "b", limit = 2,
        filter = matrix.json.encode({ senders = matrix.array{ bob.user_id } }) })
    page(bob, "a bad token", { dir = "b", from = "nonsense" })
    page(bob, "a bad direction", { dir = "sideways" })
    page(carol, "from outside", { dir = "b" })
    local last, count, from = nil, 0, nil
    repeat
        local body = alice:must("GET", path, nil, { dir = "b", limit = 4, from = from })
        count, from, last = count + #body.chunk, body["end"], body.chunk[#body.chunk] or last
    until not from
    s.note("to the beginning", count > 12, last.type)
end)

s.case("context", function()
    local alice, bob, carol = s.person("alice"), s.person("bob"), s.person("carol")
    local room_id = alice:room_with({ bob })
    local ids = {}
    for i = 1, 9 do ids[i] = alice:send(room_id, "message " .. i) end
    local function around(person, step, event_id, limit)
        local body = person:check(step, "GET", s.path("/rooms/%s/context/%s", room_id, event_id),
            { query = { limit = limit } })
        s.note(step, bodies(body.events_before), body.event and body.event.content.body,
            bodies(body.events_after))
    end
    around(bob, "in the middle", ids[5], 4)
    around(bob, "none around", ids[5], 0)
    around(bob, "the last", ids[9], 4)
    around(bob, "an odd number", ids[5], 3)
    around(bob, "what is not there", "$none", 4)
    around(carol, "from outside", ids[5], 4)
end)
