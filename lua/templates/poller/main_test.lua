local t = require "matrix.test"
local URL = "https://example.org/status"
t.script("main.lua", { config = { url = URL, room = "#news:test" } })

t.case("it is quiet at first, and tells a change once", function(w)
    local room = w:room{ members = { "@alice:test" }, alias = "news" }
    w:log() -- the first look had no answer
    w:http(URL, "fine")
    w:advance("5m")
    t.eq(#room:sent(), 0)
    w:http(URL, "broken")
    w:advance("10m")
    t.eq(#room:sent(), 1)
    t.eq(room:last().body, URL .. " has changed")
end)

t.case("an error is a warning, and no change", function(w)
    local room = w:room{ members = { "@alice:test" }, alias = "news" }
    w:log()
    w:http(URL, { status = 503, body = "later" })
    w:advance("5m")
    t.match(w:log("warn")[1].text, "HTTP 503")
    t.eq(#room:sent(), 0)
end)
