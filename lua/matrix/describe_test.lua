-- Names of `require "matrix.test"`; only `lunatrix test` and the docs load them.

return function(to)
local method, func, fields = to.method, to.func, to.fields

-- A case of its own, of the bot beside it, with a line or two in it.
local function case(lines)
    return ('local t = require "matrix.test"\n\nt.case("an example", function(w)\n    %s\nend)')
        :format((lines:gsub("\n", "\n    ")))
end

local function in_room(lines)
    return case('local room = w:room{ members = { "@ann:test" } }\n' .. lines)
end

local function check(name, params, summary, example)
    func { class = "test", name = name, where = "any", summary = summary, params = params,
        example = case(example) }
end

local note = { "note?", "string", "begins the message" }

func { class = "test", name = "script", where = "load",
    summary = "A script of this file's cases. None: ping_test.lua tests the ping.lua beside it.",
    params = { { "path", "string", "from the test file's directory" },
        { "opts?", "table", "", fields = { { "config?", "table", "bot.config" },
            { "secrets?", "table", "bot.secrets, as texts" } } } },
    example = [[
local t = require "matrix.test"

t.script("ping.lua", { config = { room = "#news:test" } })
t.case("it starts", function(w) t.eq(w:load_error(), nil) end)]] }
func { class = "test", name = "case", where = "load",
    summary = "One case: fn(w) with a world of its own.",
    params = { { "name", "string", "" }, { "fn", "function", "" } },
    example = case("t.eq(w:load_error(), nil)") }
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

local function world(name, params, returns, summary, example)
    method { class = "World", name = name, where = "any", summary = summary, params = params,
        returns = returns, example = (example:find("room:", 1, true) and in_room or case)(example) }
end

world("room", { { "opts?", "table", "", fields = {
    { "members?", "string[]", "the first creates it" }, { "name?", "string", "" },
    { "alias?", "string", "localpart" }, { "state?", "table[]", "{ type, state_key, content }" },
    { "power?", "table", "user -> level" }, { "direct?", "boolean", "" },
    { "encrypted?", "boolean", "" }, { "invited?", "boolean", "the bot is only invited" } } } },
    { { "room", "TestRoom" } }, "A room with these people and the bot.",
    [[local room = w:room{ members = { "@ann:test" }, power = { [w.user_id] = 50 } }
room:join("@bob:test")]])
world("advance", { { "duration", "duration", "" } }, {}, "Let time pass, to rest at each moment.",
    [[room:say("@ann:test", "!ping")
w:advance("2h")]])
world("log", { { "level?", "string", "info, warn or error" } }, { { "lines", "table[]" } },
    "Lines since the last call: level, text. What was read is expected.",
    [[room:say("@ann:test", "!ping")
t.eq(w:log("warn"), {})]])
world("store", {}, { { "values", "table" } }, "What the first script stored.",
    [[t.eq(w:store(), {})]])
world("fail_next", { { "op", "string", "send, sync, ban, ..." }, { "fault?", "table", "",
    fields = { { "errcode?", "string", "" }, { "status?", "integer", "" },
        { "error?", "string", "" }, { "retry_after_ms?", "integer", "" },
        { "times?", "integer", "" } } } }, {}, "Refuse the next request of that kind.",
    [[w:fail_next("send", { errcode = "M_LIMIT_EXCEEDED", retry_after_ms = 500 })
room:say("@ann:test", "!ping")
w:advance("1s")
t.match(room:last().body, "^pong")]])
world("drop_next", { { "op", "string", "" } }, {}, "Do the next one, but lose its answer.",
    [[w:drop_next("send")
room:say("@ann:test", "!ping")
w:advance("1m")
t.eq(#room:sent(), 1)]])
world("http", { { "url?", "string", "with * at its end: all that begin so" },
    { "response?", "table|string", "", fields = { { "status?", "integer", "" },
        { "headers?", "table", "" }, { "body?", "string", "" } } } },
    { { "requests", "table[]" } }, "What a URL answers; without arguments, what was asked.",
    [[w:http("https://example.org/*", { status = 404 })
room:say("@ann:test", "!ping")
t.eq(#w:http(), 0)]])
world("webhook", { { "name", "string", "as in bot:webhook" },
    { "request?", "table", "signed as the script wants it, unless that header is given", fields = {
        { "method?", "string", "the first one it takes" }, { "query?", "table", "" },
        { "headers?", "table", "" }, { "body?", "string", "" },
        { "json?", "any", "the body, as JSON" } } } },
    { { "answer", "table", "status, headers (lower case) and body" } },
    "Call a script's web hook.",
    [[local answer = w:webhook("push", { json = { version = 2 } })
t.eq(answer.status, 204)]])
world("reload", { { "source?", "string", "of the first script from now on" } },
    { { "ok", "boolean" }, { "report", "string" } }, "Load the scripts again.",
    [[t.ok(w:reload())]])
world("load_error", {}, { { "text", "string" } }, "Why a script did not load, or nil.",
    [[w:reload("this is no Lua")
t.match(w:load_error(), "syntax error")]])
world("restart", { { "opts?", "table", "", fields = {
    { "crash?", "boolean", "no clean stop" } } } }, {},
    "End the program and start it with the same store.",
    [[room:say("@ann:test", "!ping")
w:restart{ crash = true }
t.eq(#room:sent(), 1)]])

fields("TestRoom", { { "room_id", "string", "" } })

local function room(name, params, summary, returns, example)
    method { class = "TestRoom", name = name, where = "any", summary = summary, params = params,
        returns = returns or { { "event_id", "string" } }, example = in_room(example) }
end

local user, event = { "user_id", "string", "" }, { "event", "string|table", "its id, or it" }
room("say", { user, { "body", "string", "" }, { "content?", "table", "more of it" } },
    "A person sends a message.", nil,
    [[room:say("@ann:test", "!ping")
t.match(room:last().body, "^pong")]])
room("react", { user, event, { "key", "string", "" } }, "A person reacts.", nil,
    [[local id = room:say("@ann:test", "!ping")
room:react("@ann:test", id, "👍")]])
room("edit", { user, event, { "body", "string", "" } }, "A person edits a message.", nil,
    [[local id = room:say("@ann:test", "!pong")
room:edit("@ann:test", id, "!ping")]])
room("redact", { user, event, { "reason?", "string", "" } }, "A person removes an event.", nil,
    [[local id = room:say("@ann:test", "!ping")
room:redact("@ann:test", id, "never mind")]])
room("join", { user }, "A person joins, invited or not.", nil,
    [[room:join("@bob:test")
t.eq(room:membership("@bob:test"), "join")]])
room("leave", { user }, "A person leaves.", nil,
    [[room:leave("@ann:test")]])
room("invite", { user, { "target?", "string", "the bot" } }, "A person invites.", nil,
    [[room:invite("@ann:test", "@bob:test")
t.eq(room:membership("@bob:test"), "invite")]])
room("state", { { "type", "string", "" }, { "content?", "table", "sets it" },
    { "state_key?", "string", "" } }, "State: what it is, or set it.", { { "content", "table" } },
    [[room:state("m.room.topic", { topic = "tests" })
t.eq(room:state("m.room.topic").topic, "tests")]])
room("membership", { user }, "join, invite, leave, ban or nil.", { { "membership", "string" } },
    [[t.eq(room:membership(w.user_id), "join")]])
room("sent", {}, "The bot's messages as people see them: body, content, event_id, edited.",
    { { "messages", "table[]" } },
    [[room:say("@ann:test", "!ping")
t.eq(#room:sent(), 1) -- the edit of it is not a second one]])
room("last", {}, "The newest of them.", { { "message", "table" } },
    [[room:say("@ann:test", "!ping")
t.ok(room:last().edited)]])
room("events", {}, "All events, oldest first.", { { "events", "table[]" } },
    [[t.eq(room:events()[1].type, "m.room.create")]])
room("transcript", {}, "What people see, as text.", { { "text", "string" } },
    [[room:say("@ann:test", "!ping")
t.match(room:transcript(), "@bot:test  pong")]])

end
