-- Commands with typed arguments, a cool-down and something to remember.

local function check(args)
    if args.sides < 2 then return nil, "a die has at least 2 sides" end
    if args.count < 1 or args.count > 20 then return nil, "count must be 1 to 20" end
    return true
end

local roll = { help = "roll dice", examples = "!roll 2 6", check = check, cooldown = "2s" }

bot:command("roll [count:int=1] [sides:int=6]", roll, function(ev, args)
    local sum = 0
    for _ = 1, args.count do sum = sum + math.random(args.sides) end
    local rolls = bot.store:update("rolls", function(n) return (n or 0) + 1 end)
    ev:reply(("%d (roll number %d)"):format(sum, rolls))
end)

bot:command("rolls reset", { help = "start counting again", power = 50 }, function(ev)
    bot.store:delete("rolls")
    ev:react("✅")
end)
