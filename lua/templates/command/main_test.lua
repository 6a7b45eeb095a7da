local t = require "matrix.test"

t.case("dice are rolled and counted", function(w)
    local room = w:room{ members = { "@alice:test" } }
    room:say("@alice:test", "!roll 3 2")
    t.match(room:last().body, "^[3456] %(roll number 1%)$")
    room:say("@alice:test", "!roll")
    t.match(room:last().body, "^wait") -- the cool-down
    w:advance("2s")
    room:say("@alice:test", "!roll")
    t.match(room:last().body, "roll number 2")
end)

t.case("a bad call gets the reason", function(w)
    local room = w:room{ members = { "@alice:test" } }
    room:say("@alice:test", "!roll 1 1")
    t.match(room:last().body, "a die has at least 2 sides")
    room:say("@alice:test", "!roll many")
    t.match(room:last().body, "count must be a whole number")
end)

t.case("the count survives a reload and a restart", function(w)
    local room = w:room{ members = { "@alice:test" } }
    room:say("@alice:test", "!roll")
    w:reload()
    w:restart()
    w:advance("2s")
    room:say("@alice:test", "!roll")
    t.match(room:last().body, "roll number 2")
end)
