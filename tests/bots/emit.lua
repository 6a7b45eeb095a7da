-- Emits, and hears itself.
local seen = {}

bot:command("emit <name> [json...]", "tell", function(ev, args)
    local count, err = bot:emit(args.name, args.json and matrix.json.decode(args.json))
    ev:reply(count and tostring(count) or ("%s: %s"):format(err.kind, err))
end)

bot:command("many <n:int>", "tell in order", function(ev, args)
    for i = 1, args.n do assert(bot:emit("low", i)) end
    ev:reply("done")
end)

bot:command("copy", "what is told does not change", function(ev)
    local data = { n = 1, deep = { 1.5, true } }
    assert(bot:emit("low", data))
    data.n, data.deep[1] = 2, 3
    ev:reply("done")
end)

bot:command("seen", "what came back", function(ev)
    ev:reply(table.concat(seen, " "))
end)

bot:on("script:emit:back", function(e)
    seen[#seen + 1] = ("%s/%s/%s"):format(e.script, e.name, tostring(e.data))
    if e.data == 1 then bot:emit("back", 2) end
end)

bot:command("wait", "for somebody else", function(ev)
    local e, err = bot:wait_for("script:emit_desk:answer", { timeout = "1m" })
    ev:reply(e and "answer " .. e.data or err.kind)
end)

bot:command("bad", "mistakes", function(ev)
    local loop = {}
    loop[1] = loop
    local texts = {}
    for i, try in ipairs({
        function() bot:emit("a:b") end,
        function() bot:emit("two words") end,
        function() bot:emit("") end,
        function() bot:emit("low", loop) end,
        function() bot:emit("low", { print }) end,
        function() bot:emit(7) end,
        function() bot:wait_for("script:emit", { timeout = 1 }) end,
    }) do texts[i] = tostring(select(2, pcall(try))) end
    ev:reply(table.concat(texts, "\n"))
end)

bot:command("large", "too much", function(ev)
    local count, err = bot:emit("low", ("x"):rep(70000))
    ev:reply(tostring(count) .. " " .. err.kind)
end)
