local t = require "matrix.test"
t.script("main.lua", { config = { room = "#ops:test" }, secrets = { token = "s3cret" } })

t.case("what is sent is said", function(w)
    local room = w:room{ members = { "@alice:test" }, alias = "ops" }
    t.eq(w:webhook("notify", { body = "disk is full" }).status, 204)
    t.eq(room:last().body, "disk is full")
end)

t.case("nothing is said without the token, or without a text", function(w)
    local room = w:room{ members = { "@alice:test" }, alias = "ops" }
    local answer = w:webhook("notify", {
        body = "spam", headers = { authorization = "Bearer guess" },
    })
    t.eq(answer.status, 401)
    t.match(w:log("warn")[1].text, "without the right signature or token")
    t.eq(w:webhook("notify").status, 400)
    t.eq(#room:sent(), 0)
end)
