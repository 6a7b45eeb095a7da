-- runs in: host
local t = require "harness"

local good = {
    { "90s", 90 }, { "10m", 600 }, { "1h30m", 5400 }, { "7d", 604800 }, { "1d2h3m4s", 93784 },
    { "0s", 0 }, { "500ms", 0.5 }, { "1.5s", 1.5 }, { "90", 90 }, { "1.5", 1.5 }, { "2H", 7200 },
    { "0.25h", 900 }, { "1s500ms", 1.5 },
}
local bad = {
    "", " ", "s", "1x", "1h 30m", "30m1h", "1h1h", "-5s", "1.s", ".5s", "1e3s", "5mm", "h1",
    "1h30", "1..5s", "+1s", "0x10",
}

t.case("text becomes seconds", function()
    for _, row in ipairs(good) do
        t.eq(matrix.duration(row[1]), row[2], row[1])
        local kind = math.type(row[2])
        t.eq(math.type(matrix.duration(row[1])), kind, row[1] .. " keeps its kind of number")
    end
end)

t.case("what is no duration is nil", function()
    for _, text in ipairs(bad) do t.eq(matrix.duration(text), nil, text) end
end)

t.case("seconds become text, and come back", function()
    local rows = {
        { 5400, "1h30m" }, { 90, "1m30s" }, { 0, "0s" }, { 0.5, "500ms" }, { 604800, "7d" },
        { 59.9, "59s900ms" }, { 61.7, "1m1s" }, { 1, "1s" }, { 86399, "23h59m59s" },
        { 0.0004, "0s" }, { 5400.0, "1h30m" }, { -90, "-1m30s" },
    }
    for _, row in ipairs(rows) do t.eq(matrix.duration(row[1]), row[2], tostring(row[1])) end
    for _, seconds in ipairs({ 1, 59, 60, 3599, 3600, 86400, 90061, 1e6 // 1 | 0 }) do
        t.eq(matrix.duration(matrix.duration(seconds)), seconds)
    end
end)

t.case("other types are mistakes", function()
    t.raises("test_time.lua:%d+: matrix.duration: argument 1", function() matrix.duration({}) end)
    t.raises("got nothing", function() matrix.duration() end)
end)

t.case("the clocks go forward", function()
    local wall, mono = matrix.now(), matrix.monotonic()
    matrix.sleep("20ms")
    t.ok(matrix.now() - wall > 0.01)
    t.ok(matrix.monotonic() - mono > 0.01) -- timers count from the turn's beginning
    t.ok(wall > 1.6e9 and math.type(wall) == "float")
end)

return t.finish()
