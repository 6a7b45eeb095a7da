-- runs in: lua5.4
local t = require "harness"
local fake = require "fake_core"
local world = require "world"

local core = fake.new()
core.require "description"
local check, suggest = core.require "check", core.require "suggest"

t.case("types", function()
    local w = world.new()
    local object = core.require("class").define("User", { what = "a user" })
    local user = setmetatable({}, object)
    local rows = {
        { "string", "x", true }, { "string", 1 }, { "string", nil },
        { "number", 1.5, true }, { "number", "1" }, { "integer", 1, true }, { "integer", 1.0 },
        { "boolean", false, true }, { "boolean", nil }, { "function", print, true },
        { "table", {}, true }, { "table", user }, { "any", false, true }, { "any", nil },
        { "duration", 5, true }, { "duration", "1h", true }, { "duration", -1 },
        { "duration", "x" }, { "duration", math.huge }, { "duration", 0 / 0 },
        { "string|table", {}, true }, { "string|table", "x", true }, { "string|table", 3 },
        { "string[]", { "a", "b" }, true }, { "string[]", {}, true }, { "string[]", { 1 } },
        { "string[]", "a" }, { "string|string[]", "a", true }, { "User", user, true },
        { "User", {} }, { "Room", user }, { "string|User", user, true },
        { "Message", { body = "x" }, true }, { "Message", { body = 1 } }, { "Message", user },
        { "Message", { bdy = "x" } },
    }
    for i, row in ipairs(rows) do
        local wrong = check.type(row[1], row[2])
        t.eq(wrong == nil, row[3] == true, ("row %d, %s: %s"):format(i, row[1], tostring(wrong)))
    end
    t.ok(w)
end)

t.case("what is said of a wrong one", function()
    local w = world.new()
    local room = w.bot:room(world.ROOM)
    local rows = {
        { "room:kick: argument 1, user_id: string expected, got nothing", room.kick, room },
        { "room:kick: argument 2, reason: string expected, got table", room.kick, room, "@a:b",
            {} },
        { "room:kick: 'alice' is no user ID", room.kick, room, "alice" },
        { "room:send: argument 2, opts: 'timeout': 'x' is no duration", room.send, room, "x",
            { timeout = "x" } },
        { "room:send: unknown field 'timout', did you mean 'timeout'", room.send, room, "x",
            { timout = 3 } },
        { "room:send: call it with a colon: room:send", room.send, "x" },
        { "room:send: call it with a colon", room.send, w.bot, "x" },
        { "room:send: argument 1, what: string or Message expected, got Room", room.send, room,
            room },
        { "bot:room: 'ops' is no room ID %(!...%) and no alias", w.bot.room, w.bot, "ops" },
        { "bot:user: 'alice' is no user ID", w.bot.user, w.bot, "alice" },
        { "bot:resolve: '!a' is no alias", w.bot.resolve, w.bot, "!a" },
        { "matrix.spawn: argument 1, fn: function expected", w.matrix.spawn, 3 },
    }
    for _, row in ipairs(rows) do
        t.raises("test_check.lua:%d+: " .. row[1], function()
            row[2](table.unpack(row, 3))
        end)
    end
end)

t.case("mistakes that the host finds raise at the script's line too", function()
    local w = world.new()
    w.calls["script.on"] = function()
        w.core.raise("unknown event 'mesage', did you mean 'message'?")
    end
    t.raises("test_check.lua:%d+: unknown event 'mesage'", function()
        w.bot:on("mesage", print)
    end)
end)

t.case("suggestions", function()
    local names = { "markdown", "body", "html", "aliases", "timeout", "send", "send_event" }
    local rows = {
        { "markdwon", "markdown" }, { "bdoy", "body" }, { "Body", "body" }, { "alias", "aliases" },
        { "timout", "timeout" }, { "sned", "send" }, { "send_evnt", "send_event" }, { "x" },
        { "completely" }, { "htm", "html" }, { "" }, { ("x"):rep(100) }, { 3 },
    }
    for _, row in ipairs(rows) do t.eq(suggest.nearest(row[1], names), row[2], tostring(row[1])) end
    t.eq(suggest.hint("bdy", names), ", did you mean 'body'?")
    t.eq(suggest.hint("zzz", names), "")
    t.eq(suggest.nearest("bdy", { body = true }), "body")
end)

return t.finish()
