-- Roll dice: typed arguments with defaults, and a check of their values.
-- In a room: !roll 2 20 for initiative
local function check(args)
    if args.count < 1 or args.count > 50 then return nil, "count must be 1 to 50" end
    if args.sides < 2 then return nil, "a die has at least 2 sides" end
    return true
end

local options = {
    help = "roll some dice",
    examples = { "!roll", "!roll 2 20 for initiative" },
    check = check,
}

bot:command("roll [count:int=1] [sides:int=6] [why...]", options, function(ev, args)
    local sum, faces = 0, {}
    for i = 1, args.count do
        faces[i] = math.random(args.sides)
        sum = sum + faces[i]
    end
    ev:reply(("%d (%s) %s"):format(sum, table.concat(faces, " + "), args.why or ""))
end)
