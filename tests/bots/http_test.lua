-- Every method goes out as it was asked for.
local t = require "matrix.test"
t.script("http.lua")

t.case("get, post, put, delete and any other", function(w)
    local room = w:room{ members = { "@alice:test" } }
    w:http("https://api.test/*", { status = 201, body = "done" })
    for _, what in ipairs({ "get", "post", "put", "delete", "patch" }) do
        room:say("@alice:test", "!do " .. what)
        t.eq(room:last().body, "201 done")
    end
    local seen = {}
    for i, request in ipairs(w:http()) do
        seen[i] = ("%s %s %s"):format(request.method, request.url:match("items.*"), request.body)
    end
    t.eq(seen, {
        "GET items/1?page=2 ", 'POST items/1 {"n":1}', 'PUT items/1 {"n":2}',
        "DELETE items/1 ", "PATCH items/1 raw",
    })
end)
