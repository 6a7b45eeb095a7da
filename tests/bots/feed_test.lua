local t = require "matrix.test"
local URL = "https://example.org/feed.xml"
t.script("../../scripts/feed.lua", { config = { feed = URL, room = "#news:test" } })

local function feed(...)
    local items = {}
    for i, title in ipairs({ ... }) do
        items[i] = ("<item><title>%s &amp; more</title><link>http://x/%s</link></item>"):format(
            title, title)
    end
    return { headers = { etag = '"1"' }, body = table.concat(items) }
end

t.case("quiet at first, then what is new, once", function(w)
    local room = w:room{ members = { "@alice:test" }, alias = "news" }
    w:log() -- the first look found no feed
    w:http(URL, feed("one"))
    w:advance("10m")
    t.eq(#room:sent(), 0)
    w:http(URL, feed("two", "one"))
    w:advance("10m")
    t.eq(room:last().body, "two & more http://x/two")
    t.eq(room:last().content.msgtype, "m.notice")
    w:advance("30m")
    t.eq(#room:sent(), 1)
    t.eq(w:store().etag, '"1"')
end)

t.case("a feed that cannot be read is a warning", function(w)
    w:advance("10m")
    t.match(w:log("warn")[1].text, "feed: .*there is no network")
end)
