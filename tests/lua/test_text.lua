-- runs in: host
local t = require "harness"

t.case("markdown", function()
    t.eq(matrix.markdown("**a** <b> [x](javascript:y)"), "<strong>a</strong> &lt;b&gt; x")
    t.eq(matrix.markdown("a\n\nb"), "<p>a</p>\n<p>b</p>")
    local html, err = matrix.markdown(("x"):rep(65537))
    t.eq(html, nil)
    t.eq(err.kind, "limit")
    t.raises("argument 1, text: string expected", function() matrix.markdown() end)
end)

t.case("html becomes text", function()
    t.eq(matrix.html.text("<p>a <b>b</b></p><ul><li>c</li></ul>"), "a b\n\n- c")
end)

-- ---- points in time ----

local moments = {
    { "1970-01-01T00:00:00Z", 0 }, { "2026-01-31T10:30:59Z", 1769855459 },
    { "2000-02-29T23:59:59Z", 951868799 }, { "1969-12-31T23:59:59Z", -1 },
    { "2400-03-01T00:00:00Z", 13574649600 }, { "1900-03-01T00:00:00Z", -2203891200 },
    { "0000-01-01T00:00:00Z", -62167219200 }, { "9999-12-31T23:59:59Z", 253402300799 },
}
local spellings = {
    { "2026-01-31", 1769817600 }, { "2026-01-31T10:30", 1769855400 },
    { "2026-01-31 10:30:59", 1769855459 }, { "2026-01-31t10:30:59z", 1769855459 },
    { "2026-01-31T10:30:59+02:00", 1769848259 }, { "2026-01-31T10:30:59-0530", 1769875259 },
    { "2026-01-31T10:30:59+02", 1769848259 }, { "2026-01-31T10:30:59.5Z", 1769855459.5 },
    { "2026-01-31T10:30:59,25", 1769855459.25 }, { "2016-12-31T23:59:60Z", 1483228800 },
}
local no_moments = {
    "", "now", "2026", "2026-01", "2026-1-3", "2026-13-01", "2026-00-10", "2026-02-29",
    "1900-02-29", "2026-04-31", "2026-01-31T", "2026-01-31T24:00:00Z", "2026-01-31T10:60:00Z",
    "2026-01-31T10:30:61Z", "2026-01-31T10:30:59X", "2026-01-31T10:30:59+25:00",
    "2026-01-31T10:30:59.Z", "2026-01-31T10Z", "2026-01-31T10:30.5Z", "2026-01-31Z",
    " 2026-01-31", "2026-01-31T10:30:59Z ", "2026-01-31T10:30:59+1", "02026-01-31",
}

t.case("times are read, and written the same", function()
    for _, row in ipairs(moments) do
        t.eq(matrix.time.parse(row[1]), row[2], row[1])
        t.eq(math.type(matrix.time.parse(row[1])), "integer", row[1])
        t.eq(matrix.time.format(row[2]), row[1])
    end
    for _, row in ipairs(spellings) do t.eq(matrix.time.parse(row[1]), row[2], row[1]) end
    for _, text in ipairs(no_moments) do t.eq(matrix.time.parse(text), nil, text) end
end)

t.case("every day of four centuries comes back", function()
    for day = -146097, 146097, 13 do
        local text = matrix.time.format(day * 86400 + 1)
        t.eq(matrix.time.parse(text), day * 86400 + 1, text)
        if day % 169 == 0 then t.eq(text, os.date("!%FT%TZ", day * 86400 + 1)) end
    end
end)

t.case("fractions", function()
    local format = matrix.time.format
    t.eq(format(1.999), "1970-01-01T00:00:01Z")
    t.eq(format(1.999, { digits = 3 }), "1970-01-01T00:00:01.999Z")
    t.eq(format(1.9996, { digits = 3 }), "1970-01-01T00:00:02.000Z")
    t.eq(format(-0.25, { digits = 2 }), "1969-12-31T23:59:59.75Z")
    t.eq(format(1, { digits = 6 }), "1970-01-01T00:00:01.000000Z")
    t.eq(format(253402300799.9999, { digits = 1 }), "9999-12-31T23:59:59.9Z")
    for _, bad in ipairs({ 253402300800, -62167219201, 0 / 0, math.huge, -math.huge }) do
        t.raises("test_text.lua:%d+: .*years 0 to 9999", function() format(bad) end)
    end
    t.raises("digits must be 0 to 6", function() format(1, { digits = 7 }) end)
end)

-- ---- links ----

local links = {
    { "https://matrix.to/#/%40alice%3Aexample.org", "matrix:u/alice:example.org",
        { user_id = "@alice:example.org" } },
    { "https://matrix.to/#/%23ops%3Aexample.org", "matrix:r/ops:example.org",
        { alias = "#ops:example.org" } },
    { "https://matrix.to/#/%21a%3Ab/%24ev%2Fx?via=b&via=c:8448",
        "matrix:roomid/a:b/e/ev%2Fx?via=b&via=c:8448",
        { room_id = "!a:b", event_id = "$ev/x", via = { "b", "c:8448" } } },
    { "https://matrix.to/#/%21hash?action=join", "matrix:roomid/hash?action=join",
        { room_id = "!hash", action = "join" } },
    { "https://matrix.to/#/%23%C3%A4%2F%3F%3Ab", "matrix:r/%C3%A4%2F%3F:b", { alias = "#ä/?:b" } },
}
local other_links = {
    { "https://matrix.to/#/@alice:example.org", { user_id = "@alice:example.org" } },
    { "http://matrix.to/#/!a:b/$ev/with/slash?via=b", {
        room_id = "!a:b", event_id = "$ev/with/slash", via = { "b" } } },
    { "MATRIX:user/alice:b", { user_id = "@alice:b" } },
    { "matrix:room/x:b/event/y", { alias = "#x:b", event_id = "$y" } },
    { "matrix://authority/u/alice:b?x=y#z", { user_id = "@alice:b" } },
}
local no_links = {
    "", "@alice:b", "https://matrix.to/", "https://matrix.to/#/", "https://matrix.to/#/alice:b",
    "https://matrix.to/#/@alice", "https://matrix.to/#/@a:b/$ev", "https://matrix.to/#/!a/ev",
    "https://example.org/#/@a:b", "matrix:u/", "matrix:u/alice", "matrix:x/a:b", "matrix:u/a:b/e/x",
    "matrix:r/a:b/f/x", "matrix:r/a:b/e/", "https://matrix.to/#/@a:b%0Ac", "matrix:roomid/a b",
    " matrix:u/a:b", "https://matrix.to/#/+group:b",
}

t.case("links go both ways", function()
    for _, row in ipairs(links) do
        local web, uri, link = row[1], row[2], row[3]
        t.eq(matrix.uri.format(link), web)
        t.eq(matrix.uri.format(link, { scheme = "matrix" }), uri)
        t.eq(matrix.uri.parse(web), link, web)
        t.eq(matrix.uri.parse(uri), link, uri)
    end
    t.eq(matrix.uri.format("@a:b"), "https://matrix.to/#/%40a%3Ab")
    t.eq(matrix.uri.format("!a:b", { scheme = "matrix" }), "matrix:roomid/a:b")
end)

t.case("other spellings are read, other texts are not", function()
    for _, row in ipairs(other_links) do t.eq(matrix.uri.parse(row[1]), row[2], row[1]) end
    for _, text in ipairs(no_links) do t.eq(matrix.uri.parse(text), nil, text) end
end)

t.case("what is no link raises", function()
    local format = matrix.uri.format
    t.raises("test_text.lua:%d+: .*one of user_id", function()
        format({ user_id = "@a:b", alias = "#a:b" })
    end)
    t.raises("is needed", function() format({}) end)
    t.raises("'a:b' is no", function() format("a:b") end)
    t.raises("'#a:b' is no user ID", function() format({ user_id = "#a:b" }) end)
    t.raises("is no event ID of a room", function() format({ room_id = "!a", event_id = "x" }) end)
    t.raises("is no event ID of a room", function()
        format({ user_id = "@a:b", event_id = "$x" })
    end)
    t.raises("scheme must be", function() format("@a:b", { scheme = "ftp" }) end)
    t.raises("unknown field 'rom_id'", function() format({ rom_id = "!a" }) end)
end)

-- ---- digests ----

t.case("sha256 and hmac", function()
    local crypto = matrix.crypto
    local abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    t.eq(crypto.sha256("abc"), abc)
    t.eq(#crypto.sha256("abc", { raw = true }), 32)
    t.eq(crypto.hmac("Jefe", "what do ya want for nothing?"),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    t.eq(matrix.base64.encode(crypto.hmac("key", "", { raw = true })),
        "XV0TlWPJW1lnub2ajJsjOp3ttFByeUzSMtwbdIMmB9A=")
    t.ok(crypto.equal(abc, crypto.sha256("abc")))
    t.ok(not crypto.equal("a", "b") and not crypto.equal("a", "aa") and crypto.equal("", ""))
    t.raises("argument 2, b: string or Secret expected", function() crypto.equal("a") end)
end)

t.case("base64", function()
    local base64 = matrix.base64
    for _, row in ipairs({ { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
        { "\0\xff\xfe", "AP/+" } }) do
        t.eq(base64.encode(row[1]), row[2])
        t.eq(base64.decode(row[2]), row[1])
    end
    t.eq(base64.encode("\0\xff\xfe", { url = true }), "AP_-")
    t.eq(base64.encode("f", { padding = false }), "Zg")
    t.eq(base64.decode("AP_-"), "\0\xff\xfe")
    t.eq(base64.decode("Zg"), "f")
    for _, bad in ipairs({ "Z", "Zg=", "Z g=", "Zh", "A*==", "====" }) do
        t.eq(base64.decode(bad), nil, bad)
    end
end)

t.case("uuids differ, and look like it", function()
    local seen = {}
    for _ = 1, 50 do
        local id = matrix.uuid()
        t.match(id, "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$")
        t.ok(not seen[id])
        seen[id] = true
    end
end)

-- ---- helpers ----

t.case("split", function()
    t.eq(matrix.split("  a b\tc\n"), { "a", "b", "c" })
    t.eq(matrix.split("a,b,,c,", ","), { "a", "b", "", "c", "" })
    t.eq(matrix.split("", ","), { "" })
    t.eq(matrix.split(" "), {})
    t.eq(matrix.split("a.+b", ".+"), { "a", "b" })
    t.ok(matrix.is_array(matrix.split("")))
    t.raises("test_text.lua:%d+: .*separator is empty", function() matrix.split("a", "") end)
end)

t.case("keys are sorted, whatever they are", function()
    t.eq(matrix.keys({ b = 1, a = 2, [10] = 3, [2] = 4, [1.5] = 5, [true] = 6 }),
        { 1.5, 2, 10, true, "a", "b" })
    t.eq(matrix.keys({}), {})
end)

t.case("inspect", function()
    local inspect = matrix.inspect
    for _, row in ipairs({
        { nil, "nil" }, { 1, "1" }, { 1.0, "1.0" }, { "a\n\"\\\1\xff", '"a\\n\\"\\\\\\x01\xff"' },
        { {}, "{}" }, { { 1, 2, x = true }, "{ 1, 2, x = true }" },
        { { ["a b"] = 1, ["end"] = 2, [3] = 4 }, '{ [3] = 4, ["a b"] = 1, ["end"] = 2 }' },
        { { { 1 }, { a = { b = "c" } } }, '{ { 1 }, { a = { b = "c" } } }' },
        { matrix.json.null, "null" }, { matrix.array({ 1 }), "{ 1 }" },
        { matrix.error("limit", "too many"), "too many" },
    }) do
        t.eq(inspect(row[1]), row[2])
    end
    local t1 = { name = "x" }
    t1.again = t1
    t.eq(inspect(t1), '{ again = { (itself) }, name = "x" }')
    local shared = { 1 }
    t.eq(inspect({ shared, shared }), "{ { 1 }, { 1 } }")
    local long = {}
    for i = 1, 3 do long[i] = ("x"):rep(30) end
    t.eq(inspect({ long }), '{\n    {\n        "' .. table.concat(long, '",\n        "')
        .. '",\n    },\n}')
    local deep = {}
    for _ = 1, 50 do deep = { deep } end
    t.match(inspect(deep), "{ %.%.%. }")
    t.match(inspect(print), "^function")
end)

-- ---- several at once ----

t.case("all: the first result of each, in order", function()
    local running = 0
    local results = assert(matrix.all({
        function() running = running + 1; matrix.sleep("20ms"); return "a", "more" end,
        function() running = running + 1; matrix.sleep("5ms"); t.eq(running, 3); return nil end,
        function() running = running + 1; return "c" end,
    }))
    t.eq(results, { n = 3, [1] = "a", [3] = "c" })
    t.eq(matrix.all({}), { n = 0 })
end)

t.case("all: the first failure ends the rest", function()
    local late, closed = false, false
    local function slow()
        local guard <close> = setmetatable({}, { __close = function() closed = true end })
        matrix.sleep("10s")
        late = guard
    end
    local results, err = matrix.all({ slow, function()
        matrix.sleep("1ms")
        return nil, matrix.error("limit", "too many")
    end })
    t.eq(results, nil)
    t.eq(err.kind, "limit")
    results, err = matrix.all({ slow, function() error("on purpose") end })
    t.eq(results, nil)
    t.eq(err.kind, "task")
    t.match(err, "test_text.lua:%d+: on purpose")
    matrix.sleep("5ms")
    t.ok(closed and not late)
    local _, caught = matrix.all({ function() error(matrix.error("http", "no")) end })
    t.eq(caught.kind, "http")
end)

t.case("race: what the first returns; the rest is cancelled", function()
    local kind
    local got = table.pack(matrix.race({
        function()
            local _, err = pcall(matrix.sleep, "10s")
            kind = err.kind
        end,
        function() matrix.sleep("2ms"); return 1, nil, 3 end,
    }))
    t.eq(got, { n = 3, 1, nil, 3 })
    matrix.sleep("5ms")
    t.eq(kind, "cancelled")
    local none, err = matrix.race({ function() error("on purpose") end,
        function() matrix.sleep("10s") end })
    t.eq(none, nil)
    t.match(err, "on purpose")
    t.eq(matrix.race({ function() return "only" end }), "only")
end)

t.case("one inside the other ends with it", function()
    local late = false
    local function slow()
        matrix.sleep("30ms")
        late = true
    end
    t.eq(matrix.race({
        function() return matrix.all({ slow, slow }) end,
        function() matrix.sleep("5ms"); return "quick" end,
    }), "quick")
    matrix.sleep("60ms")
    t.ok(not late)
end)

t.case("a function that a limit ends fails", function()
    local none, err = matrix.all({ function() while true do end end })
    t.eq(none, nil)
    t.eq(err.kind, "task")
    t.match(err, "limits.burst")
end)

t.case("lists only", function()
    t.raises("test_text.lua:%d+: matrix.race: there is no function", function() matrix.race({}) end)
    t.raises("matrix.all: a list of functions expected", function() matrix.all({ a = print }) end)
    t.raises("argument 1, fns: function%[%] expected", function() matrix.all({ 1 }) end)
end)

return t.finish()
