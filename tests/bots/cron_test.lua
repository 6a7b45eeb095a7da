local t = require "matrix.test"
local ALICE = "@alice:test"

-- What came since the last call, of one line.
local function ticks(w, what)
    local out = {}
    for _, line in ipairs(w:log("info")) do
        out[#out + 1] = line.text:match("tick " .. what .. " (.*)$")
    end
    return table.concat(out, ", ")
end

t.case("it follows the clock, on working days", function(w)
    w:advance("5d") -- from a Thursday
    t.eq(ticks(w, "work"), "Thu 09:30, Fri 09:30, Mon 09:30")
    w:advance("9h29m59s")
    t.eq(ticks(w, "work"), "")
    w:advance("1s")
    t.eq(ticks(w, "work"), "Tue 09:30")
end)

t.case("local time is the default", function(w)
    w:advance("3d")
    t.eq(ticks(w, "night"), "03:00, 03:00, 03:00")
end)

t.case("a tick is left out while the last one runs", function(w)
    w:advance("2h")
    t.eq(ticks(w, "slow"), "10, 30, 50")
end)

t.case("jitter is at most what was asked for", function(w)
    w:advance("30d")
    w:advance("24h") -- to 1 February
    t.eq(ticks(w, "month"), "")
    w:advance("1h")
    t.eq(ticks(w, "month"), "01")
end)

t.case("a cancelled one comes no more", function(w)
    local room = w:room{ members = { ALICE } }
    w:advance("10m")
    room:say(ALICE, "!cancel")
    w:advance("1h")
    t.eq(ticks(w, "slow"), "10")
end)

t.case("a reload changes nothing about when, and new code runs", function(w)
    w:advance("9h")
    t.ok(w:reload([[bot:cron("30 9 * * mon-fri", { tz = "UTC" }, function()
        matrix.log.info("tick work new")
    end)]]))
    w:advance("1h")
    t.eq(ticks(w, "work"), "new")
end)

t.case("a tick that is due during a reload runs after it", function(w)
    w:advance("9h29m58s")
    t.ok(w:reload([[
bot:on("load", function() matrix.sleep("4s") end)
bot:cron("30 9 * * mon-fri", { tz = "UTC" }, function() matrix.log.info("tick work new") end)]]))
    w:advance("5s")
    t.eq(ticks(w, "work"), "new")
    w:advance("23h")
    t.eq(ticks(w, "work"), "")
    w:advance("1h")
    t.eq(ticks(w, "work"), "new")
end)

t.case("a reload loses no tick that jitter holds back", function(w)
    w:advance("30d")
    w:advance("24h") -- to 1 February
    t.ok(w:reload([[bot:cron("@monthly", { tz = "UTC", name = "month", jitter = "1h" },
        function() matrix.log.info("tick month new") end)]]))
    w:advance("1h")
    t.eq(ticks(w, "month"), "new")
    w:advance("1h")
    t.eq(ticks(w, "month"), "")
end)

t.case("what was missed while the program was down is not made up", function(w)
    w:restart()
    w:advance("9h31m")
    w:restart{ crash = true }
    w:advance("1h")
    t.eq(ticks(w, "work"), "Thu 09:30")
end)

t.case("a bad spec is refused at load", function(w)
    for source, why in pairs{
        ["bot:cron('* * * *', print)"] = "bot:cron: '%* %* %* %*': 4 fields instead of five: min",
        ["bot:cron('0 0 30 2 *', print)"] = "that date never comes",
        ["bot:cron('@daily', { tz = 'Mars' }, print)"] = 'tz must be "local" or "UTC", not "Mars"',
        ["bot:cron('@daily', { utc = true }, print)"] = "unknown field 'utc'",
        ["bot:on('ready', function() bot:cron('@daily', print) end) error('no')"] = "no",
    } do
        t.ok(not w:reload(source))
        t.match(w:load_error(), why)
    end
    w:log()
end)
