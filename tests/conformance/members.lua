-- Who may come, go, invite and throw out.
local s = require "suite"

local function act(person, what, room_id, other, reason)
    local body = { reason = reason }
    if other then body.user_id = other.user_id end
    local step = what .. (other and " " .. other.name or "")
    return person:check(step, "POST", s.path("/rooms/%s/" .. what, room_id), { body = body })
end

local function memberships(person, room_id, people)
    local out = {}
    for _, one in ipairs(people) do
        local _, body = person:ask("GET", s.path("/rooms/%s/state/m.room.member/%s", room_id,
            one.user_id))
        out[#out + 1] = one.name .. "=" .. tostring(body.membership or body.errcode)
    end
    s.note("memberships", table.concat(out, " "))
end

s.case("invite and join", function()
    local alice, bob, carol = s.person("alice"), s.person("bob"), s.person("carol")
    local room_id = alice:create_room()
    bob:check("join uninvited", "POST", s.path("/join/%s", room_id), { body = {} })
    act(bob, "invite", room_id, carol)
    act(alice, "invite", room_id, bob)
    act(alice, "invite", room_id, bob)
    act(bob, "join", room_id)
    act(bob, "join", room_id)
    act(alice, "invite", room_id, bob)
    act(bob, "invite", room_id, carol)
    act(carol, "leave", room_id)
    act(carol, "leave", room_id)
    act(carol, "join", room_id)
    memberships(alice, room_id, { alice, bob, carol })
    alice:check("invite without a name", "POST", s.path("/rooms/%s/invite", room_id), { body = {} })
    alice:check("invite a bad name", "POST", s.path("/rooms/%s/invite", room_id),
        { body = { user_id = "bob" } })
    alice:check("invite to nowhere", "POST",
        s.path("/rooms/%s/invite", "!none:" .. alice.user_id:match(":(.+)$")),
        { body = { user_id = bob.user_id } })
end)

s.case("kick, ban, unban", function()
    local alice, bob, carol = s.person("alice"), s.person("bob"), s.person("carol")
    local room_id = alice:room_with({ bob, carol })
    act(bob, "kick", room_id, carol)
    act(bob, "ban", room_id, carol)
    act(bob, "kick", room_id, alice)
    act(alice, "kick", room_id, carol, "too loud")
    act(alice, "kick", room_id, carol)
    memberships(alice, room_id, { alice, bob, carol })
    act(alice, "ban", room_id, carol, "still too loud")
    act(alice, "ban", room_id, carol)
    act(alice, "invite", room_id, carol)
    act(carol, "join", room_id)
    act(bob, "unban", room_id, carol)
    act(alice, "unban", room_id, carol)
    act(alice, "unban", room_id, carol)
    act(alice, "invite", room_id, carol)
    act(carol, "join", room_id)
    memberships(alice, room_id, { alice, bob, carol })
    act(alice, "leave", room_id)
    act(alice, "invite", room_id, carol)
    act(bob, "leave", room_id)
    memberships(carol, room_id, { alice, bob, carol })
    alice:must("POST", s.path("/rooms/%s/forget", room_id), {})
    carol:check("forget a room one is in", "POST", s.path("/rooms/%s/forget", room_id),
        { body = {} })
end)

s.case("public rooms", function()
    local alice, bob = s.person("alice"), s.person("bob")
    local room_id = alice:create_room({ preset = "public_chat" })
    act(bob, "join", room_id)
    act(alice, "ban", room_id, bob)
    act(bob, "join", room_id)
    act(alice, "unban", room_id, bob)
    act(bob, "join", room_id)
    memberships(alice, room_id, { alice, bob })
end)

s.case("levels", function()
    local alice, bob, carol = s.person("alice"), s.person("bob"), s.person("carol")
    local room_id = alice:room_with({ bob, carol })
    local path = s.path("/rooms/%s/state/m.room.power_levels", room_id)
    local function levels(users, more)
        local content = alice:must("GET", path)
        content.users = users
        for key, value in pairs(more or {}) do content[key] = value end
        return content
    end
    local users = { [alice.user_id] = 100, [bob.user_id] = 50 }
    alice:check("make bob a moderator", "PUT", path, { body = levels(users) })
    bob:check("topic", "PUT", s.path("/rooms/%s/state/m.room.topic", room_id),
        { body = { topic = "by bob" } })
    bob:check("levels", "PUT", path, { body = levels({ [alice.user_id] = 100, [bob.user_id] = 50,
        [carol.user_id] = 100 }) })
    act(bob, "kick", room_id, alice)
    act(bob, "kick", room_id, carol)
    users[carol.user_id] = 0
    alice:check("silence most", "PUT", path, { body = levels(users, { events_default = 50 }) })
    act(alice, "invite", room_id, carol)
    act(carol, "join", room_id)
    local function say(person)
        return person:check("say", "PUT", s.path("/rooms/%s/send/m.room.message/%s", room_id,
            s.txn_id()), { body = { msgtype = "m.text", body = "x" } })
    end
    say(carol)
    say(bob)
    alice:check("a level for reactions", "PUT", path,
        { body = levels(users, { events_default = 50, events = { ["m.reaction"] = 0 } }) })
    carol:check("react", "PUT", s.path("/rooms/%s/send/m.reaction/%s", room_id, s.txn_id()),
        { body = {} })
end)

s.case("lists of members", function()
    local alice, bob, carol = s.person("alice"), s.person("bob"), s.person("carol")
    local room_id = alice:room_with({ bob })
    alice:must("POST", s.path("/rooms/%s/invite", room_id), { user_id = carol.user_id })
    local function members(query)
        local body = alice:must("GET", s.path("/rooms/%s/members", room_id), nil, query)
        local out = {}
        for _, ev in ipairs(body.chunk) do
            local name = ev.state_key == alice.user_id and "alice"
                or ev.state_key == bob.user_id and "bob" or "carol"
            out[#out + 1] = name .. "=" .. ev.content.membership
        end
        table.sort(out)
        return table.concat(out, " ")
    end
    s.note("all", members())
    s.note("joined", members({ membership = "join" }))
    s.note("not joined", members({ not_membership = "join" }))
    local joined = alice:must("GET", s.path("/rooms/%s/joined_members", room_id)).joined
    s.note("joined_members", joined[alice.user_id] ~= nil, joined[bob.user_id] ~= nil,
        joined[carol.user_id] ~= nil)
    carol:check("of a room one is invited to", "GET", s.path("/rooms/%s/members", room_id))
    alice:check("joined rooms", "GET", "/joined_rooms", { show = { "joined_rooms" } })
    carol:check("joined rooms", "GET", "/joined_rooms", { show = { "joined_rooms" } })
end)
