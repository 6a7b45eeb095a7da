-- runs in: lua5.4
local t = require "harness"
local fake = require "fake_core"

local lint = fake.new().require "lint"
local GLOBALS = { "print", "matrix", "bot", "pairs", "ipairs", "assert", "require", "type",
    "string", "table", "math", "arg" }

-- "line:col message" of each finding
local function findings(text)
    local out = {}
    for i, f in ipairs(lint.check(text, "x.lua", GLOBALS)) do
        t.eq(f.level, "error")
        out[i] = ("%d:%d %s"):format(f.line, f.col, f.message)
    end
    return out
end

local function clean(text)
    t.eq(findings(text), {}, text)
end

t.case("a script without bot is a plain one, with arg", function()
    local names = { "print", "bot" }
    local found, is_bot = lint.check("print(arg[1])", "x.lua", names)
    t.eq(found, {})
    t.eq(is_bot, false)
    found, is_bot = lint.check("print(bot, arg)", "x.lua", names)
    t.eq(found[1].message, "undefined name 'arg'")
    t.eq(is_bot, true)
end)

t.case("what scripts emit is no event, and options may stand for a filter", function()
    clean("bot:on('script:a:b', function(x) print(x.data, x.script) end)")
    clean("bot:on('ready', function() print(bot:wait_for('script:a:b', { timeout = 1 }).data) end)")
    clean("bot:wait_for('message', { sender = '@a:b' }, { timeout = 1 })")
    t.eq(findings("bot:wait_for('message', { tiemout = 1 })"),
        { "1:27 unknown field 'tiemout', did you mean 'timeout'?" })
    t.eq(findings("print(bot:wait_for('message', { timeout = 1 }).data)"),
        { "1:48 ev has no field 'data'" })
end)

t.case("undefined globals", function()
    t.eq(findings("local a = prnt(1)\nreturn a, b.c"),
        { "1:11 undefined name 'prnt', did you mean 'print'?", "2:11 undefined name 'b'" })
    clean("function f() return g end\ng = 1\nf()")
    clean("x = x or 1\nlocal y <const>, z <close> = x, nil\nreturn y, z")
    t.eq(findings("do local a = 1 end\nreturn a"), { "2:8 undefined name 'a'" })
    t.eq(findings("local f = function(a, ...) return a, ... end\nreturn f(b)"),
        { "2:10 undefined name 'b'" })
    t.eq(findings("local a = a"), { "1:11 undefined name 'a'" })
    clean("local function f() return f() end")
    t.eq(findings("local f = function() return f() end"), { "1:29 undefined name 'f'" })
    t.eq(findings("repeat local done = true until done\nreturn done"),
        { "2:8 undefined name 'done'" })
    clean("for i = 1, 2 do print(i) end for k, v in pairs({}) do print(k, v) end")
    t.eq(findings("for i = 1, i do end"), { "1:12 undefined name 'i'" })
    clean("local M = {} function M.a.b:c() return self end function M.d() end return M")
    t.eq(findings("local t = { a = b, [c] = 1, d }"), {
        "1:17 undefined name 'b'", "1:21 undefined name 'c'", "1:29 undefined name 'd'" })
end)

t.case("members of matrix and bot", function()
    t.eq(findings("matrix.slep(1)"), { "1:8 matrix has no field 'slep', did you mean 'sleep'?" })
    t.eq(findings("bot:comand('x', print)"),
        { "1:5 bot has no field 'comand', did you mean 'command'?" })
    t.eq(findings("local json = matrix.json\njson.encod()"),
        { "2:6 matrix.json has no field 'encod', did you mean 'encode'?" })
    t.eq(findings("local m = require 'matrix'\nm.nw()"),
        { "2:3 matrix has no field 'nw', did you mean 'now'?" })
    t.eq(findings("matrix:sleep(1)"),
        { "1:8 matrix.sleep is called with a dot, not with a colon" })
    t.eq(findings("bot.memry.x = 1"), { "1:5 bot has no field 'memry', did you mean 'memory'?" })
    t.eq(findings("bot:knock('#a:b')"), { "1:5 bot has no field 'knock'" })
    clean("bot.memory.anything.at.all = bot.config.x.y\nbot.store:get('x').y = 1\nbot.version = 1")
    clean("local bot = {} bot.whatever()")
end)

t.case("the classes of what calls give", function()
    t.eq(findings("local r = assert(bot:join('#a:b'))\nr:snd('x')"),
        { "2:3 room has no field 'snd', did you mean 'send'?" })
    t.eq(findings("bot:room('!a'):nme()"), { "1:16 room has no field 'nme', did you mean 'name'?" })
    t.eq(findings("for room in bot:rooms() do room:naem() end"),
        { "1:33 room has no field 'naem', did you mean 'name'?" })
    t.eq(findings("for m in bot:room('!a'):members() do print(m.displaynam) end"),
        { "1:46 member has no field 'displaynam', did you mean 'displayname'?" })
    t.eq(findings("local c = matrix.client{}\nfor b in c:sync() do b:event() end"),
        { "2:24 batch has no field 'event', did you mean 'events'?" })
    clean("local r = bot:room('!a')\nr = other_thing()\nr:what() function other_thing() end")
end)

t.case("the event of a handler", function()
    t.eq(findings("bot:on('message', function(ev) ev:rply(ev.bodi) end)"), {
        "1:35 ev has no field 'rply', did you mean 'reply'?",
        "1:43 ev has no field 'bodi', did you mean 'body'?" })
    t.eq(findings("bot:on('message', { sender = '@a:b' }, function(e) e.room:snd() end)"),
        { "1:59 room has no field 'snd', did you mean 'send'?" })
    t.eq(findings("bot:command('x', 'help', function(ev, a) ev:replay(a.anything) end)"),
        { "1:45 ev has no field 'replay', did you mean 'reply'?" })
    clean("bot:on('load', function(ctx) print(ctx.previous, ctx.anything) end)")
    clean("bot:every('1m', function(x) print(x.y) end)")
end)

t.case("fields of tables written in a call", function()
    t.eq(findings("bot:on('message', { patern = 'x' }, print)"),
        { "1:21 unknown field 'patern', did you mean 'pattern'?" })
    t.eq(findings("bot:command('x', { help = 'y', powr = 1 }, print)"),
        { "1:32 unknown field 'powr', did you mean 'power'?" })
    t.eq(findings("bot:room('!a'):send{ bdy = 'x' }"),
        { "1:22 unknown field 'bdy', did you mean 'body'?" })
    t.eq(findings("matrix.http.get('x', { headers = { any = 1 }, timout = 3 })"),
        { "1:47 unknown field 'timout', did you mean 'timeout'?" })
    clean("matrix.client{ homeserver = 'x' }:send('!a', 'm.x', { any = 1 }, { txn_id = 'y' })")
end)

t.case("the whole grammar passes", function()
    clean([==[#!/usr/bin/lunatrix
select = 1
local a <const>, b = 0x1F, 0x.8p-3, 1e10, 3., .5 -- comment
--[[ long
comment ]] --[=[ another ]] ]=]
local s = "esc \" \z
    more \
    lines \x41 \u{1F600}" .. 'x' .. [[raw]] .. [=[ ]] ]=]
goto top
::top::
if a and not b or -#s ~= ~1 // 2 then elseif a <= b then else end
while true do break end
do ; end
local f = (function(...) return select and ... end)
f{ 1, 2; x = 3, ["y"] = 4, }
f"text" f[[text]]
a, b = b, a
local t = { f = function(self) return self end }
t.f(t):f():g{}.h[1].i = a << 1 >> 2 & 3 | 4 ~ 5 .. 6
repeat until not nil == (true)
return f(...), a ^ -b;
-- no end of line at the end]==])
    for _, text in ipairs({ "", "#!only", "return", "return;", "-- x", ";;;", "return 1, 2;" }) do
        clean(text)
    end
end)

t.case("syntax errors have a place, and end the check", function()
    local rows = {
        { "local x = = 1", "1:11 'name' expected near '='" },
        { "x = 'abc\n", "1:5 unfinished string" }, { "x = [[abc", "1:5 unfinished long string" },
        { "--[[ x", "1:1 unfinished long comment" }, { "x = 1 $", "1:7 unexpected symbol '$'" },
        { "if x then", "1:10 'end' expected near 'end of file'" },
        { "x", "1:1 syntax error near 'x'" }, { "f(1", "1:4 ')' expected near 'end of file'" },
        { "end", "1:1 'end of file' expected near 'end'" },
        { "\n\n  for i do end", "3:9 'in' expected near 'do'" },
        { ("("):rep(1000), nil },
    }
    for _, row in ipairs(rows) do
        local got = findings(row[1])
        t.eq(#got, 1, row[1])
        if row[2] then t.eq(got[1], row[2]) end
    end
end)

t.case("it reads the library and the scripts without findings", function()
    local all = { "package", "coroutine", "os", "io", "debug", "utf8" }
    for _, name in ipairs(GLOBALS) do all[#all + 1] = name end
    for name in pairs(_G) do all[#all + 1] = name end
    local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
    here = here .. "../../"
    local list = io.popen("ls " .. here .. "lua/matrix/*.lua " .. here .. "scripts/*.lua")
    local count = 0
    for path in list:lines() do
        local file = assert(io.open(path))
        t.eq(lint.check(file:read("a"), path, all), {}, path)
        file:close()
        count = count + 1
    end
    list:close()
    t.ok(count > 30)
end)

return t.finish()
