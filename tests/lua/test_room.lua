-- runs in: lua5.4
local t = require "harness"
local world = require "world"

local function room_with(change)
    local w = world.new()
    if change then change(w) end
    return w.bot:room(world.ROOM), w
end

local function people(w, list)
    local members = { [world.ME] = { membership = "join", displayname = "Botty" } }
    for user_id, name in pairs(list) do
        members[user_id] = { membership = "join", displayname = name ~= true and name or nil }
    end
    w.state["m.room.member"] = members
end

t.case("the name follows the heroes rule", function()
    local function name(change) return room_with(change):name() end
    t.eq(name(function(w)
        w.state["m.room.name"] = { [""] = { name = "Named" } }
        w.state["m.room.canonical_alias"] = { [""] = { alias = "#a:b" } }
    end), "Named")
    t.eq(name(function(w)
        w.state["m.room.name"] = { [""] = { name = "" } }
        w.state["m.room.canonical_alias"] = { [""] = { alias = "#a:b" } }
    end), "#a:b")
    local function heroes(list, joined, invited)
        return name(function(w)
            people(w, { ["@a:t"] = "Ann", ["@b:t"] = "Ben", ["@c:t"] = true })
            w.info.heroes, w.info.joined_count, w.info.invited_count = list, joined, invited or 0
        end)
    end
    t.eq(heroes({ "@a:t" }, 2), "Ann")
    t.eq(heroes({ "@a:t", "@b:t" }, 3), "Ann and Ben")
    t.eq(heroes({ "@a:t", "@b:t", "@c:t" }, 4), "Ann, Ben and @c:t")
    t.eq(heroes({ "@a:t", "@b:t" }, 5), "Ann, Ben and 2 others")
    t.eq(heroes({ "@a:t", "@b:t" }, 3, 1), "Ann, Ben and 1 other")
    t.eq(heroes({ "@a:t" }, 1), "Empty room (was Ann)")
    t.eq(heroes({ "@a:t" }, nil), "Ann")
    t.eq(heroes({ world.ME }, 1), "Empty room")
    t.eq(heroes({}, 4), "Ann, Ben and @c:t", "named by the members it knows")
    t.eq(name(function(w) w.calls["room.info"] = function() return nil end end), nil)
end)

t.case("who shares a displayname is told by the user ID", function()
    local room, w = room_with(function(w)
        people(w, { ["@a:t"] = "Ann", ["@b:t"] = "Ann", ["@c:t"] = "Cy", ["@d:t"] = true,
            ["@e:t"] = "@a:t", ["@f:t"] = "" })
    end)
    local function shown(user_id) return tostring(room:member(user_id)) end
    t.eq({ shown("@a:t"), shown("@b:t"), shown("@c:t"), shown("@d:t") },
        { "Ann (@a:t)", "Ann (@b:t)", "Cy", "@d:t" })
    t.eq(shown("@e:t"), "@a:t (@e:t)", "a name that looks like an ID")
    t.eq(shown("@f:t"), "@f:t")
    w.state["m.room.member"]["@b:t"].membership = "leave"
    t.eq(shown("@a:t"), "Ann")
    w.info.joined_count = 5000
    t.eq(shown("@c:t"), "Cy (@c:t)", "large rooms are not searched")
    t.eq(("%s!"):format(room:member("@d:t")), "@d:t!")
end)

t.case("state, in pages", function()
    local room = room_with(function(w)
        w.state["org.example.many"] = {}
        for i = 1, 250 do w.state["org.example.many"][("k%03d"):format(i)] = { n = i } end
        w.state["m.room.topic"] = { [""] = { topic = "t" } }
        w.state["m.room.create"] = { [""] = { room_version = "11", type = "m.space" } }
    end)
    local count, sum = 0, 0
    for _, content in room:states("org.example.many") do count, sum = count + 1, sum + content.n end
    t.eq({ count, sum }, { 250, 31375 })
    t.eq(room:state("org.example.many", "k007"), { n = 7 })
    t.eq(room:state("org.example.none"), nil)
    t.eq({ room:topic(), room:version(), room:is_space(), room:is_direct(), room:is_encrypted() },
        { "t", "11", true, false, false })
    t.eq(room_with():version(), nil)
    t.eq(room_with(function(w) w.state["m.room.create"] = { [""] = {} } end):version(), "1")
end)

t.case("members: fetched once when not known, filtered", function()
    local room, w = room_with()
    t.eq(room:member(world.ALICE).displayname, "Alice")
    t.eq(#w.host.named("room.members"), 0)
    t.eq(room:member("@nobody:t"), nil)
    t.eq(#w.host.named("room.members"), 1)
    w.state["m.room.member"][world.BOB].membership = "ban"
    local function names(opts)
        local list = {}
        for member in room:members(opts) do list[#list + 1] = member.user_id end
        return list
    end
    t.eq(names(), { world.ALICE, world.ME })
    t.eq(names({ membership = "ban" }), { world.BOB })
    t.eq(#names({ membership = "all" }), 3)
    w.calls["room.members"] = function() return nil, { kind = "network", error = "no net" } end
    local ok, err = pcall(names)
    t.ok(not ok and err.kind == "network")
    ok, err = room:member("@nobody:t")
    t.eq({ ok, err.kind }, { nil, "network" })
end)

t.case("power", function()
    local room, w = room_with()
    w.power[world.ALICE], w.power[world.BOB] = "creator", 50
    t.eq({ room:power(world.ALICE), room:power(world.BOB), room:power("@x:t") },
        { math.huge, 50, 0 })
    t.eq({ room:can(world.ALICE, "m.room.name"), room:can("@x:t", "m.room.name"),
        room:can("@x:t", "send") }, { true, false, true })
    local asked = w.host.named("room.required_power")
    t.eq({ asked[1].args.action, asked[1].args.state }, { "m.room.name", true })
    t.eq({ asked[3].args.action, asked[3].args.state }, { "m.room.message" })
    t.eq(room:member(world.BOB).power, 50)
    t.raises("room:power: 'bob' is no user ID", function() room:can("bob", "kick") end)
end)

t.case("writes give true, or nil and the error", function()
    local room, w = room_with()
    w.calls["room.membership"] = function() return {} end
    w.calls["room.leave"] = w.calls["room.membership"]
    w.calls["room.join"] = w.calls["room.membership"]
    w.calls["room.set_state"] = function() return { event_id = "$s" } end
    for _, action in ipairs({ "invite", "kick", "ban", "unban" }) do
        t.eq(room[action](room, world.BOB, "why"), true)
        local calls = w.host.named("room.membership")
        t.eq(calls[#calls].args, { room_id = world.ROOM, action = action, user_id = world.BOB,
            reason = "why" })
    end
    t.eq({ room:leave("bye"), room:join({ timeout = "5s" }) }, { true, true })
    local sent = room:set_state("m.room.topic", { topic = "x" })
    t.eq({ sent.event_id, sent.type, sent.state_key }, { "$s", "m.room.topic", "" })
    sent = room:send_event("org.example.x", { n = 1 }, { txn_id = "t" })
    t.eq({ sent.type, sent.content.n, sent.is_own }, { "org.example.x", 1, true })
    w.calls["room.membership"] = function() return nil, { kind = "matrix", errcode = "M_FORBIDDEN",
        error = "no" } end
    local ok, err = room:ban(world.BOB)
    t.eq({ ok, err.errcode }, { nil, "M_FORBIDDEN" })
end)

t.case("an alias is looked up once, when something waits", function()
    local _, w = room_with()
    w.aliases["#ops:t"] = world.ROOM
    local room = w.bot:room("#ops:t")
    t.eq({ room.room_id, room:name(), room.membership }, {})
    t.eq(#w.host.named("room.resolve"), 0)
    t.ok(room:send("x") and room:send("y"))
    t.eq(#w.host.named("room.resolve"), 1)
    t.eq({ room.room_id, room.membership }, { world.ROOM, "join" })
    t.ok(room == w.bot:room(world.ROOM))
    local ok, err = w.bot:room("#none:t"):send("x")
    t.eq({ ok, err.errcode }, { nil, "M_NOT_FOUND" })
    t.eq({ w.bot:resolve("#ops:t") }, { world.ROOM })
end)

t.case("rooms of the bot, and joining", function()
    local _, w = room_with()
    local list = {}
    t.raises("bot:rooms: unknown membership 'jion', did you mean 'join'", function()
        w.bot:rooms("jion")
    end)
    for room in w.bot:rooms() do list[#list + 1] = room.room_id end
    t.eq(list, { world.ROOM })
    w.calls["room.join"] = function() return { room_id = "!new:t" } end
    local room = w.bot:join("#new:t", { via = { "a.example" }, reason = "hi", timeout = "1m" })
    t.eq(room.room_id, "!new:t")
    t.eq(w.host.named("room.join")[1].args, { room = "#new:t", via = { "a.example" },
        reason = "hi", timeout = 60 })
    t.raises("a room has no field 'nmae', did you mean 'name'", function() return room.nmae end)
end)

return t.finish()
