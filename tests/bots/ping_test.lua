local t = require "matrix.test"
t.script "../../scripts/ping.lua"

t.case("a ping is answered, and the answer edited", function(w)
    local room = w:room{ members = { "@alice:test" } }
    room:say("@alice:test", "!ping")
    t.match(room:last().body, "^pong: lag %d+ ms, send %d+ ms$")
    t.eq(#room:sent(), 1, "the edit is not a second message")
    t.ok(room:last().edited)
end)

t.case("a rate-limited ping is answered once, after the wait", function(w)
    local room = w:room{ members = { "@alice:test" } }
    w:fail_next("send", { errcode = "M_LIMIT_EXCEEDED", retry_after_ms = 1500 })
    room:say("@alice:test", "!ping")
    t.eq(#room:sent(), 0)
    w:advance("2s")
    t.match(room:last().body, "^pong: lag %d+ ms")
    t.eq(#room:sent(), 1)
end)

t.case("a lost answer does not make a second message", function(w)
    local room = w:room{ members = { "@alice:test" } }
    w:drop_next("send")
    room:say("@alice:test", "!ping")
    w:advance("1m")
    t.match(room:last().body, "^pong: lag")
    t.eq(#room:sent(), 1)
end)
