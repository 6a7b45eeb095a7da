-- Names of `require "matrix.test"`; only `lunatrix test` and the docs load them.

return function(to)
local method, func, fields = to.method, to.func, to.fields

local function check(name, params, summary, example)
    func { class = "test", name = name, where = "any", summary = summary, params = params,
        example = example }
end

local note = { "note?", "string", "begins the message" }

func { class = "test", name = "script", where = "load",
    summary = "A script of this file's cases. None: ping_test.lua tests the ping.lua beside it.",
    params = { { "path", "string", "from the test file's directory" },
        { "opts?", "table", "", fields = { { "config?", "table", "bot.config" },
            { "secrets?", "table", "bot.secrets, as texts" } } } },
    example = [[t.script("scripts/feed.lua", { config = { room = "#news:test" } })]] }
func { class = "test", name = "case", where = "load",
    summary = "One case: fn(w) with a world of its own.",
    params = { { "name", "string", "" }, { "fn", "function", "" } },
    example = [[t.case("it starts", function(w) t.eq(w:load_error(), nil) end)]] }
check("eq", { { "got", "any", "" }, { "wanted", "any", "" }, note },
    "Equal; tables by what is in them.", [[t.eq({ 1, 2 }, { 1, 2 })]])
check("ne", { { "got", "any", "" }, { "unwanted", "any", "" }, note }, "Not equal.",
    [[t.ne(1, 2)]])
check("match", { { "text", "string", "" }, { "pattern", "string", "" }, note },
    "A text that matches a Lua pattern.", [[t.match("pong: 3 ms", "^pong")]])
check("ok", { { "value", "any", "" }, note }, "Neither nil nor false; gives it back.",
    [[t.ok(1 < 2)]])
check("raises", { { "fn", "function", "" }, { "pattern?", "string", "" }, note },
    "fn must raise; gives the message back.", [[t.raises(function() error("no") end, "no")]])

fields("World", { { "user_id", "string", "the bot's" } })

local function world(name, params, returns, summary)
    method { class = "World", name = name, where = "any", summary = summary, params = params,
        returns = returns, example = "local function f(w) return w:" .. name .. " end" }
end

world("room", { { "opts?", "table", "", fields = {
    { "members?", "string[]", "the first creates it" }, { "name?", "string", "" },
    { "alias?", "string", "localpart" }, { "state?", "table[]", "{ type, state_key, content }" },
    { "power?", "table", "user -> level" }, { "direct?", "boolean", "" },
    { "encrypted?", "boolean", "" }, { "invited?", "boolean", "the bot is only invited" } } } },
    { { "room", "TestRoom" } }, "A room with these people and the bot.")
world("advance", { { "duration", "duration", "" } }, {}, "Let time pass, to rest at each moment.")
world("log", { { "level?", "string", "info, warn or error" } }, { { "lines", "table[]" } },
    "Lines since the last call: level, text. What was read is expected.")
world("store", {}, { { "values", "table" } }, "What the first script stored.")
world("fail_next", { { "op", "string", "send, sync, ban, ..." }, { "fault?", "table", "",
    fields = { { "errcode?", "string", "" }, { "status?", "integer", "" },
        { "error?", "string", "" }, { "retry_after_ms?", "integer", "" },
        { "times?", "integer", "" } } } }, {}, "Refuse the next request of that kind.")
world("drop_next", { { "op", "string", "" } }, {}, "Do the next one, but lose its answer.")
world("http", { { "url?", "string", "with * at its end: all that begin so" },
    { "response?", "table|string", "", fields = { { "status?", "integer", "" },
        { "headers?", "table", "" }, { "body?", "string", "" } } } },
    { { "requests", "table[]" } }, "What a URL answers; without arguments, what was asked.")
world("reload", { { "source?", "string", "of the first script from now on" } },
    { { "ok", "boolean" }, { "report", "string" } }, "Load the scripts again.")
world("load_error", {}, { { "text", "string" } }, "Why a script did not load, or nil.")
world("restart", { { "opts?", "table", "", fields = {
    { "crash?", "boolean", "no clean stop" } } } }, {},
    "End the program and start it with the same store.")

fields("TestRoom", { { "room_id", "string", "" } })

local function room(name, params, summary, returns)
    method { class = "TestRoom", name = name, where = "any", summary = summary, params = params,
        returns = returns or { { "event_id", "string" } },
        example = "local function f(room) return room:" .. name .. " end" }
end

local user, event = { "user_id", "string", "" }, { "event", "string|table", "its id, or it" }
room("say", { user, { "body", "string", "" }, { "content?", "table", "more of it" } },
    "A person sends a message.")
room("react", { user, event, { "key", "string", "" } }, "A person reacts.")
room("edit", { user, event, { "body", "string", "" } }, "A person edits a message.")
room("redact", { user, event, { "reason?", "string", "" } }, "A person removes an event.")
room("join", { user }, "A person joins, invited or not.")
room("leave", { user }, "A person leaves.")
room("invite", { user, { "target?", "string", "the bot" } }, "A person invites.")
room("state", { { "type", "string", "" }, { "content?", "table", "sets it" },
    { "state_key?", "string", "" } }, "State: what it is, or set it.", { { "content", "table" } })
room("membership", { user }, "join, invite, leave, ban or nil.", { { "membership", "string" } })
room("sent", {}, "The bot's messages as people see them: body, content, event_id, edited.",
    { { "messages", "table[]" } })
room("last", {}, "The newest of them.", { { "message", "table" } })
room("events", {}, "All events, oldest first.", { { "events", "table[]" } })
room("transcript", {}, "What people see, as text.", { { "text", "string" } })

end
