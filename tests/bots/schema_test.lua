-- bot.config_schema: a configuration is filled in, or the script does not load.
local t = require "matrix.test"
t.script("schema.lua", { config = {
    feed = "https://example.org", admins = { "@a:test" }, any = { deep = { 1 } },
    mode = "FAST", limit = 7, server = { port = 8080 },
} })

local ALICE = "@alice:test"

local HEAD = 'bot.config_schema = { feed = "url", every = "duration=10m", n = "int?" }'

t.case("defaults are filled in, values are read", function(w)
    local room = w:room{ members = { ALICE, "@a:test" } }
    room:say(ALICE, "!show")
    local shown = room:last().body
    for _, part in ipairs({ 'every = 600', 'mode = "fast"', 'limit = 7', 'loud = false',
        'host = "localhost"', 'port = 8080', 'admins = { "@a:test" }', 'deep = { 1 }' }) do
        t.ok(shown:find(part, 1, true), part .. " in " .. shown)
    end
    room:say(ALICE, "!change")
    t.eq((room:last().body:gsub("false %S+:%d+: ", "")), table.concat({
        "bot.config is read-only", "bot.config is read-only", "bot.config.server is read-only",
        "bot.config.admins is read-only", "bot.config.any.deep is read-only",
        "bot.config.admins is read-only",
    }, "\n"))
    room:say(ALICE, "!json")
    t.match(room:last().body, '"admins": %[\n%s*"@a:test"\n%s*%]')
    t.match(room:last().body, '"port": 8080')
    w:http("https://example.org*", { status = 204 })
    room:say(ALICE, "!read")
    t.match(w:http()[1].body, '"port":8080')
    t.match(w:http()[1].url, "host=localhost")
    t.eq(room:last().body, table.concat({
        "admins any every feed limit loud mode server", "1", "@a:test", "@a:test", "localhost",
        "true", "false", "host,port", "@a:test", "false", "8080",
    }, "\n"))
    room:say("@a:test", "hi")
    t.eq(room:last().body, "hello, admin")
    room:say(ALICE, "!late")
    t.match(w:log("error")[1].text, "bot.config_schema: assign it once")
end)

t.case("a configuration that does not fit refuses the reload", function(w)
    local room = w:room{ members = { ALICE } }
    local rows = {
        { '{ feed = "url", admin = "user[]" }', "'limit' is no key of this script" },
        { '{ fed = "url" }', "'feed' is no key of this script, did you mean 'fed'?" },
        { '{ feed = "int", admins = "any", any = "any", mode = "any", limit = "any", '
            .. 'server = "any" }', "'feed' must be a whole number, not 'https://example.org'" },
        { '{ feed = "url", admins = "user", any = "any", mode = "any", limit = "any", '
            .. 'server = "any" }', "'admins' must be a user.*, not a table" },
        { '{ feed = "string[]", admins = "any", any = "any", mode = "any", limit = "any", '
            .. 'server = "any" }', "'feed' must be a list, not 'https://example.org'" },
        { '{ feed = "url", admins = "room[]", any = "any", mode = "any", limit = "any", '
            .. 'server = "any" }', "'admins' must be a list; number 1 must be a room" },
        { '{ feed = "url", admins = "any", any = "any", mode = "any", limit = "bool", '
            .. 'server = "any" }', "'limit' must be true or false, not 7" },
        { '{ feed = "url", admins = "any", any = "any", mode = "any", limit = "any", '
            .. 'server = { host = "string" } }', "'server.host' is missing" },
        { '{ feed = "url", admins = "any", any = "any", mode = "any", limit = { a = "int" }, '
            .. 'server = "any" }', "'limit' must be a table, not 7" },
        { '{ feed = "ulr" }', "there is no type 'ulr', did you mean 'url'?" },
        { '{ feed = "int=x" }', "feed = 'int=x': the default must be a whole number" },
        { '{ feed = "int[]=1" }', "this type has no default" },
        { '{ feed = 1 }', "a type as text, or a table, expected" },
        { '"url"', "bot.config_schema: a table expected" },
    }
    for _, row in ipairs(rows) do
        local ok, report = w:reload("bot.config_schema = " .. row[1])
        t.eq(ok, nil, row[1])
        t.match(report, row[2], row[1])
    end
    w:load_error()
    room:say(ALICE, "!show")
    t.match(room:last().body, "every = 600")
    t.eq(w:reload("local x = bot.config.feed; bot.config_schema = {}"), nil)
    t.match(w:load_error(), "before bot.config is read")
    t.eq(w:reload(HEAD), nil)
    t.match(w:load_error(), "config: 'admins' is no key")
end)
