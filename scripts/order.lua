-- order.lua: a talk of a few questions; a list of what was ordered
local sizes = { small = 6, medium = 8, large = 10 }

-- Asks until the answer is one of choices; nil after three tries, or silence.
local function choose(ev, question, choices)
    local names = {}
    for name in pairs(choices) do names[#names + 1] = name end
    table.sort(names)
    question = ("%s (%s)"):format(question, table.concat(names, ", "))
    for _ = 1, 3 do
        local answer, err = ev:ask(question, { timeout = "2m" })
        if not answer then return nil, err.kind == "timeout" and "no answer, no pizza" or err end
        local choice = (answer.body or ""):lower():match("^%s*(.-)%s*$")
        if choices[choice] then return choice, answer end
        ev = answer
    end
    return nil, "that is on no menu of mine"
end

bot:command("order", "order a pizza", function(ev)
    local size, answer = choose(ev, "Which size?", sizes)
    if not size then return ev:reply(answer) end
    local sure
    sure, answer = choose(answer, ("A %s one for %d, really?"):format(size, sizes[size]),
        { yes = true, no = true })
    if sure ~= "yes" then return ev:reply(sure and "as you like" or answer) end
    local key = "orders/" .. ev.room_id
    bot.store:update(key, function(list)
        list = list or {}
        list[#list + 1] = ("%s: %s"):format(ev.sender, size)
        return list
    end)
    answer:react("🍕")
end)

bot:command("orders", "what was ordered here", function(ev)
    ev:reply(table.concat(bot.store:get("orders/" .. ev.room_id) or { "nothing yet" }, "\n"))
end)
