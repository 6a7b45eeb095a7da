-- runs in: lua5.4
local t = require "harness"
local fake = require "fake_core"
local world = require "world"

local core = fake.new()
local usage = core.require "usage"

-- ---- usage strings ----

t.case("usage strings are read", function()
    local p = usage.parse("poll close <id:int> [mode:on|off|auto] [n:number=1.5] [why...]")
    t.eq(p.words, { "poll", "close" })
    local seen = {}
    for i, arg in ipairs(p.args) do
        seen[i] = { arg.name, arg.type, arg.required, arg.default, arg.rest }
    end
    t.eq(seen, {
        { "id", "int", true }, { "mode", "on|off|auto", false }, { "n", "number", false, 1.5 },
        { "why", "string", false, nil, true },
    })
    t.eq(usage.parse("x [a=two words] [b:bool=no]").args[1].default, "two words")
    t.eq(usage.parse("x [a=two words] [b:bool=no]").args[2].default, false)
    t.eq(usage.parse("x [d:duration=1h30m]").args[1].default, 5400)
end)

t.case("wrong usage strings raise", function()
    local bad = {
        { "", "needs a name" }, { "<x>", "needs a name" }, { "x <a", "not closed" },
        { "x <a:itn>", "no type 'itn', did you mean 'int'" },
        { "x <a:evnt>", "no type 'evnt', did you mean 'event'" },
        { "x [a] <b>", "<b> is required, and comes after %[a%]" },
        { "x <a...> <b>", "must be the last" },
        { "x <a> <a>", "two arguments are named 'a'" },
        { "x <a=1>", "required, so it has no default" },
        { "x [a:int=b]", "default of 'a' must be a whole number" },
        { "x <a b>", "cannot read 'a b'" },
        { "x <a> word", "word 'word' comes after an argument" }, { "x >", "out of place" },
        { "x <a:on||off>", "no type" }, { "x <>", "cannot read" }, { "x <1a>", "cannot read" },
    }
    for _, row in ipairs(bad) do t.raises(row[2], usage.parse, row[1]) end
end)

-- ---- values ----

local function read(spec, text, split)
    return usage.read(usage.parse(spec), text, 1, nil, split)
end

t.case("values of every type", function()
    local rows = {
        { "int", "12", 12 }, { "int", "-3", -3 }, { "int", "+3", 3 }, { "int", "007", 7 },
        { "int", "1.0" }, { "int", "0x10" }, { "int", "1e3" }, { "int", "" },
        { "int", "99999999999999999999" }, { "int", "x1" },
        { "number", "1.5", 1.5 }, { "number", "-2", -2 }, { "number", ".5", 0.5 },
        { "number", "1e3", 1000.0 }, { "number", "0x10" }, { "number", "nan" },
        { "number", "inf" }, { "number", "1e999" }, { "number", "1,5" },
        { "bool", "yes", true }, { "bool", "OFF", false }, { "bool", "1", true },
        { "bool", "maybe" },
        { "duration", "1h30m", 5400 }, { "duration", "90", 90 }, { "duration", "soon" },
        { "user", "@a:b", "@a:b" }, { "user", "@:b", "@:b" },
        { "user", "@a:[::1]:8448", "@a:[::1]:8448" },
        { "user", "https://matrix.to/#/@a:b", "@a:b" },
        { "user", "https://matrix.to/#/%40a%3Ab?via=x", "@a:b" },
        { "user", "alice" }, { "user", "@a" }, { "user", "#a:b" },
        { "room", "!abc", "!abc" }, { "room", "!a:b", "!a:b" }, { "room", "#a:b", "#a:b" },
        { "room", "#a" }, { "room", "@a:b" },
        { "event", "$abc", "$abc" }, { "event", "$a:b", "$a:b" }, { "event", "abc" },
        { "event", "https://matrix.to/#/!r:b/$abc?via=b", "$abc" },
        { "event", "matrix:roomid/r:b/e/abc", "$abc" }, { "event", "https://matrix.to/#/!r:b" },
        { "date", "2026-12-24", 1798070400 }, { "date", "2026-12-24T18:30", 1798137000 },
        { "date", "2026-12-24 18:30+01:00", 1798133400 }, { "date", "24.12.2026" },
        { "date", "2026-02-30" },
        { "url", "https://example.org/a?b", "https://example.org/a?b" },
        { "url", "<http://x>", "http://x" }, { "url", "ftp://x" }, { "url", "https://" },
        { "url", "example.org" },
        { "on|off|auto", "auto", "auto" }, { "on|off|auto", "ON", "on" }, { "on|off|auto", "of" },
        { "string", "x", "x" },
    }
    for _, row in ipairs(rows) do
        local arg = usage.parse("c <v:" .. row[1] .. ">").args[1]
        local value, expected = arg.convert(row[2])
        t.eq(value, row[3], row[1] .. " " .. row[2])
        t.eq(math.type(value), math.type(row[3]), row[1] .. " " .. row[2])
        if row[3] == nil then t.ok(expected, "says what it wants: " .. row[1]) end
    end
end)

t.case("words, quotes and the rest", function()
    local rows = {
        { "c <a> <b>", 'x "two words"', { a = "x", b = "two words" } },
        { "c <a> <b>", "'two words' x", { a = "two words", b = "x" } },
        { "c <a> <b>", '"" x', { a = "", b = "x" } },
        { "c <a>", [["say \"hi\" \\now"]], { a = [[say "hi" \now]] } },
        { "c <a>", "\u{201c}smart quotes\u{201d}", { a = "smart quotes" } },
        { "c <a> <b>", "don't isn't", { a = "don't", b = "isn't" } },
        { "c <a>", '"open', { a = '"open' } },
        { "c <a...>", 'all of "it", as  written ', { a = 'all of "it", as  written' } },
        { "c <a> [rest...]", "x", { a = "x" } },
        { "c <a> [rest...]", "x   y z", { a = "x", rest = "y z" } },
        { "c [n:int=3] [s=x]", "", { n = 3, s = "x" } },
        { "c [n:int=3] [s=x]", "5", { n = 5, s = "x" } },
        { "c", "  ", {} },
        { "c <a>\tx", "y", nil, "word 'x'" },
        { "c <a> [rest...]", "line\nsecond line\nthird",
            { a = "line", rest = "second line\nthird" } },
    }
    for _, row in ipairs(rows) do
        if row[4] then
            t.raises(row[4], read, row[1], row[2])
        else
            t.eq(read(row[1], row[2]), row[3], row[2])
        end
    end
    t.eq(read("c <w...>", [[one "two three" four]], true), { w = { "one", "two three", "four" } })
end)

t.case("a reply fills a missing event", function()
    local rows = {
        { "c <e:event>", "", "$r", { e = "$r" } }, { "c <e:event>", "$x", "$r", { e = "$x" } },
        { "c <e:event> <n:int>", "3", "$r", { e = "$r", n = 3 } },
        { "c [e:event]", "", nil, {} }, { "c [e:event]", "", "$r", { e = "$r" } },
        { "c <e:event>", "", nil, nil, "e is missing" },
        { "c <e:event>", "x", nil, nil, "e must be an event" },
        { "c <e:event>", "x", "$r", nil, "too many arguments" },
    }
    for _, row in ipairs(rows) do
        local args, reason = usage.read(usage.parse(row[1]), row[2], 1, nil, nil, row[3])
        t.eq(args, row[4], row[1] .. " " .. row[2])
        if row[5] then t.match(reason, row[5]) end
    end
end)

t.case("a bad call has a reason", function()
    local rows = {
        { "c <a>", "", "a is missing" }, { "c <a> <b:int>", "x", "b is missing" },
        { "c <n:int>", "two", "n must be a whole number, not 'two'" },
        { "c <m:on|off>", "of", "m must be on or off, not 'of'" },
        { "c <m:a|b|c>", "d", "m must be a, b or c, not 'd'" },
        { "c <a>", "x y z", "too many arguments: 'y z'" }, { "c", "x", "too many arguments: 'x'" },
        { "c <a...>", "  ", "a is missing" },
    }
    for _, row in ipairs(rows) do
        local args, reason = read(row[1], row[2])
        t.eq(args, nil)
        t.eq(reason, row[3])
    end
end)

-- ---- which message is a command ----

local function bot_with(usages, options)
    local w = world.new()
    w.got = {}
    for _, text in ipairs(usages) do
        w.bot:command(text, options or "help of " .. text, function(ev, args)
            w.got[#w.got + 1] = { text, args, ev.event_id and true }
        end)
    end
    w.bot:on("message", function(ev) w.got[#w.got + 1] = { "message", ev.body } end)
    return w
end

local function called(w, body, content)
    w.got = {}
    local sent = w.say(body, content)
    t.ok(#w.got <= 1, "one handler for " .. body)
    return w.got[1] and w.got[1][1], w.got[1] and w.got[1][2], sent
end

local function pill(user_id, text)
    return ('<a href="https://matrix.to/#/%s">%s</a>'):format(user_id, text)
end

t.case("prefix, mention and plain messages", function()
    local w = bot_with({ "ping", "say <text...>" })
    local rows = {
        { "!ping", "ping" }, { "!PING", "ping" }, { "!pingx", "message" }, { "ping", "message" },
        { "! ping", "ping" }, { " !ping", "message" }, { "x !ping", "message" },
        { "!unknown", "message" }, { "!", "message" }, { "", "message" },
        { "@bot:test: ping", "ping" }, { "@bot:test ping", "ping" }, { "Botty, ping", "ping" },
        { "botty ping", "ping" }, { "Bottyping", "message" }, { "Botty: !ping", "ping" },
        { "Botty: hello", "message" }, { "Botty", "message" },
    }
    for _, row in ipairs(rows) do t.eq(called(w, row[1]), row[2], row[1]) end
    local html = { format = "org.matrix.custom.html",
        formatted_body = pill("@bot:test", "The Bot") .. ": say hi &amp; bye" }
    local name, args = called(w, "The Bot: say hi & bye", html)
    t.eq(name, "say <text...>")
    t.eq(args, { text = "hi & bye" })
end)

t.case("in a direct chat the name alone is enough", function()
    local w = bot_with({ "ping", "poll close <id>" })
    w.info.direct = true
    t.eq(called(w, "ping"), "ping")
    t.eq(called(w, "!ping"), "ping")
    t.eq(called(w, "pinging"), "message")
    t.eq(called(w, "poll me"), "message")
end)

t.case("another prefix", function()
    local w = bot_with({ "ping" })
    w.account.prefix = "bot"
    t.eq(called(w, "bot ping"), "ping")
    t.eq(called(w, "botping"), "message")
    t.eq(called(w, "!ping"), "message")
end)

t.case("sub-commands: the longest name wins, and an unknown one is told", function()
    local w = bot_with({ "poll <question...>", "poll close <id>", "vote yes", "vote no" })
    t.eq(called(w, "!poll close 3"), "poll close <id>")
    t.eq(called(w, "!poll closed now"), "poll <question...>")
    local name, _, sent = called(w, "!vote maybe")
    t.eq(name, nil)
    t.eq(#sent, 1)
    t.match(sent[1].body, "!vote yes\n!vote no")
end)

t.case("aliases, and names that are taken", function()
    local w = bot_with({ "ping" }, { aliases = { "pong", "are you there" } })
    t.eq(called(w, "!pong"), "ping")
    t.eq(called(w, "!are you there"), "ping")
    t.eq(w.registered[1].aliases, { "pong", "are" })
    t.raises("there is a command 'pong' already", function() w.bot:command("pong", print) end)
    t.raises("unknown field 'alias', did you mean 'aliases'", function()
        w.bot:command("x", { alias = "y" }, print)
    end)
end)

t.case("pills are users and rooms, whatever they show", function()
    local w = bot_with({ "warn <who:user> <reason...>", "go <where:room>" })
    local html = { format = "org.matrix.custom.html",
        formatted_body = "!warn " .. pill("@bob:test", "Bob the &lt;Great&gt;") .. ": be nice" }
    local name, args = called(w, "!warn Bob the <Great>: be nice", html)
    t.eq(name, "warn <who:user> <reason...>")
    t.eq(args, { who = "@bob:test", reason = "be nice" })
    -- a client that writes links as Markdown into the body
    html.formatted_body = "!warn " .. pill("@bob:test", "Bob B") .. " be nice"
    args = select(2, called(w, "!warn [Bob B](https://matrix.to/#/@bob:test) be nice", html))
    t.eq(args, { who = "@bob:test", reason = "be nice" })
    html.formatted_body = "!go " .. pill("!room:test", "A Room")
    args = select(2, called(w, "!go A Room", html))
    t.eq(args, { where = "!room:test" })
end)

t.case("an alias given for a room becomes its ID", function()
    local w = bot_with({ "go <where:room>" })
    w.aliases["#a:test"] = "!there:test"
    local _, args = called(w, "!go #a:test")
    t.eq(args, { where = "!there:test" })
    local name, _, sent = called(w, "!go #none:test")
    t.eq(name, nil)
    t.match(sent[1].body, "there is no room #none:test\nusage: !go <where:room>")
end)

t.case("a bad call is answered with reason and usage, in the thread", function()
    local w = bot_with({ "roll [count:int=1]" })
    local _, _, sent = called(w, "!roll many", { ["m.relates_to"] = {
        rel_type = "m.thread", event_id = "$root" } })
    t.eq(#sent, 1)
    t.eq(sent[1].body,
        "count must be a whole number, not 'many'\nusage: !roll [count:int=1]")
    t.eq(sent[1].msgtype, "m.notice")
    t.eq(sent[1]["m.relates_to"].event_id, "$root")
end)

t.case("hostile texts take no time", function()
    local w = bot_with({ "say <a> [rest...]", "list <user:user> <d:duration>" })
    w.bot:command("words <w...>", { split = true }, function(_, args) w.got = { { #args.w } } end)
    local n = 60000
    local html = { format = "org.matrix.custom.html" }
    local texts = {
        "!say a" .. (" "):rep(n) .. "b" .. (" "):rep(n), "!say " .. ('"a '):rep(n // 3),
        "!words " .. ('"a '):rep(n // 3), "!words " .. ("\u{201c}a "):rep(n // 5),
        "!say \"" .. ("\\\""):rep(n // 2), "!" .. (" "):rep(n) .. "x", "!" .. ("x"):rep(n),
        "!list @a:b " .. ("1"):rep(n), "!list @" .. (":"):rep(n) .. " 5", "!say " .. ("[("):rep(n),
    }
    local htmls = {
        ("<a "):rep(n // 3), ("<a href='"):rep(n // 9), ("<"):rep(n), ("<a>"):rep(n // 3) .. "</a>",
        ("<a href='https://matrix.to/#/@a:b'>x</a>"):rep(n // 40),
        ("<a href='https://matrix.to/#/@a:b'>("):rep(n // 40) .. "</a>",
    }
    local start = os.clock()
    for _, text in ipairs(texts) do w.say(text) end
    for _, text in ipairs(htmls) do
        html.formatted_body = text
        w.say("!say " .. ("x"):rep(n), html)
    end
    t.ok(os.clock() - start < 3, "took " .. os.clock() - start)
end)

-- ---- who may ----

local function refused(options, change)
    local w = bot_with({ "x" }, options)
    if change then change(w) end
    local name, _, sent = called(w, "!x")
    return name == nil and sent[1] and sent[1].body, w
end

t.case("power, admin, dm, check", function()
    t.match(refused({ power = 50 }), "power level 50")
    t.eq(refused({ power = 50 }, function(w) w.power["@alice:test"] = 50 end), false)
    t.eq(refused({ power = 50 }, function(w) w.power["@alice:test"] = "creator" end), false)
    t.match(refused({ admin = true }), "admins only")
    t.eq(refused({ admin = true }, function(w) w.account.admins = { "@alice:test" } end), false)
    t.match(refused({ dm = true }), "direct chat only")
    t.match(refused({ dm = false }, function(w) w.info.direct = true end), "not work in a direct")
    t.match(refused({ check = function() return nil, "not today" end }), "not today\nusage: !x")
    t.eq(refused({ check = function() return true end }), false)
end)

t.case("rooms: elsewhere it is a message", function()
    local w = bot_with({ "x" }, { rooms = { "!other:test", "#here:test" } })
    t.eq(called(w, "!x"), "message")
    w = bot_with({ "x" }, { rooms = "#here:test" })
    w.aliases["#here:test"] = world.ROOM
    t.eq(called(w, "!x"), "x")
    t.raises("'ops' is no room ID", function() bot_with({ "x" }, { rooms = "ops" }) end)
end)

t.case("cooldown is per sender", function()
    local w = bot_with({ "x" }, { cooldown = "10s" })
    t.eq(called(w, "!x"), "x")
    local name, _, sent = called(w, "!x")
    t.eq(name, nil)
    t.match(sent[1].body, "wait 10s")
    t.eq(called(w, "!x", { sender = "not used" }), nil)
    w.got = {}
    w.deliver({ type = "m.room.message", sender = "@bob:test",
        content = { body = "!x", msgtype = "m.text" } })
    t.eq(#w.got, 1)
    w.host.clock = w.host.clock + 10
    t.eq(called(w, "!x"), "x")
end)

-- ---- help ----

t.case("help lists commands, and explains one", function()
    local w = bot_with({ "ping", "roll [count:int=1]" }, { help = "does it", examples = "!roll 2",
        aliases = nil })
    w.bot:command("secret", { hidden = true }, print)
    local name, _, sent = called(w, "!help")
    t.eq(name, nil)
    t.eq(#sent, 1)
    t.eq(sent[1].body, "!ping - does it\n!roll [count:int=1] - does it")
    _, _, sent = called(w, "!help !roll")
    t.eq(sent[1].body, "!roll [count:int=1] - does it\nexample: !roll 2")
    _, _, sent = called(w, "!help me")
    t.match(sent[1].body, "no command 'me'")
    _, _, sent = called(w, "!help secret")
    t.eq(sent[1].body, "!secret")
    _, _, sent = called(w, "Botty: help rol")
    t.eq(sent[1].body, "there is no command 'rol', did you mean 'roll'?")
    w.info.direct = true
    _, _, sent = called(w, "help ping")
    t.match(sent[1].body, "^!ping")
    t.eq(called(w, "help me please"), "message")
    w.calls["script.commands"] = function() return { commands = {}, first = false } end
    t.eq(called(w, "!help"), "message")
end)

t.case("help leaves out what the sender may not call here", function()
    local w = bot_with({ "one" }, { power = 50 })
    w.bot:command("two", { admin = true, cooldown = "10s", aliases = "second one" }, print)
    w.bot:command("two times", { dm = true }, print)
    w.bot:command("three", { rooms = "!other:test" }, print)
    local function help(text) return select(3, called(w, text))[1].body end
    t.eq(help("!help"), "there are no commands")
    t.eq(help("!help two"), "there is no command 'two'")
    w.account.admins = { "@alice:test" }
    t.eq(help("!help"), "!two")
    t.eq(help("!help two"), "!two\nalso: second one\nat most once in 10s\nfor admins only")
    w.power["@alice:test"] = 50
    t.eq(help("!help"), "!one\n!two")
    w.info.direct = true
    t.match(help("help two"), "^!two\n.*\n!two times$")
    t.eq(help("help two times"), "!two times")
    t.eq(help("!help second"), help("!help !TWO"):match("^(.-)\n!two times"))
end)

t.case("a long list has pages", function()
    local usages = {}
    for i = 1, 45 do usages[i] = ("c%02d"):format(i) end
    local w = bot_with(usages)
    local function help(text) return select(3, called(w, text))[1].body end
    local first, third = help("!help"), help("!help 3")
    t.match(first, "^!c01 .*!c20 [^\n]*\npage 1 of 3, go on with !help 2$")
    t.match(help("!help 2"), "^!c21 .*!c40 .*\npage 2 of 3, go on with !help 3$")
    t.match(third, "^!c41 .*!c45 [^\n]*\npage 3 of 3$")
    t.eq(help("!help 4"), "there are 3 pages of help")
    t.match(help("!help 0"), "no command '0'")
end)

t.case("scripts have headings when there are several", function()
    local w = bot_with({ "b" })
    w.calls["script.commands"] = function()
        return { first = true, commands = {
            { script = "z", name = "y", usage = "y" },
            { script = "a", name = "x", usage = "x <n>" },
            { script = "a", name = "b", usage = "b", help = "does it" },
            { script = "h", name = "h", usage = "h", hidden = true },
        } }
    end
    t.eq(select(3, called(w, "!help"))[1].body, "a:\n  !b - does it\n  !x <n>\nz:\n  !y")
end)

t.case("a cancelled command is no command", function()
    local w = world.new()
    local count = 0
    local handle = w.bot:command("ping", function() count = count + 1 end)
    w.say("!ping")
    handle:cancel()
    w.say("!ping")
    t.eq(count, 1)
    t.eq(w.host.named("script.off")[1].args, { id = w.registered[1].id })
end)

return t.finish()
