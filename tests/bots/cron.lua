-- Tells when its lines come. The clock of a test begins at 2026-01-01 00:00 UTC.
local UTC = { tz = "UTC" }

local function tell(what, format)
    matrix.log.info("tick %s%s", what, os.date(format))
end

bot:cron("30 9 * * mon-fri", UTC, function() tell("work", "! %a %H:%M") end)
bot:cron("@monthly", { tz = "UTC", name = "month", jitter = "1h" }, function()
    tell("month", "! %d")
end)
bot:cron("0 3 * * *", function() tell("night", " %H:%M") end)
local slow = bot:cron("*/10 0 1 1 *", UTC, function()
    tell("slow", "! %M")
    matrix.sleep("15m")
end)

bot:command("cancel", "no more slow", function() slow:cancel() end)
