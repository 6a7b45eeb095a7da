local t = require "matrix.test"

t.case("it says what was said", function(w)
    local room = w:room{ members = { "@alice:test" } }
    room:say("@alice:test", "hello")
    t.eq(room:last().body, "hello")
end)
