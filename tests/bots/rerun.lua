-- Commands that run again when their message is edited.
bot:command("add <a:int> <b:int>", { help = "a sum", rerun = true }, function(ev, args)
    ev:reply(tostring(args.a + args.b))
end)

-- So many answers, the last one edited.
bot:command("count <n:int>", { rerun = true, aliases = "list" }, function(ev, args)
    local sent
    for i = 1, args.n do sent = assert(ev:reply(("%d of %d"):format(i, args.n))) end
    if sent then sent:edit("last of " .. args.n) end
    ev:react(args.n > 2 and "many" or "few")
end)

bot:command("slow <text...>", { rerun = true }, function(ev, args)
    ev:reply("begin " .. args.text)
    matrix.sleep("1m")
    ev:reply("end " .. args.text)
end)

bot:command("hail <who:user>", { rerun = true, split = true }, function(ev, args)
    ev:reply{ body = "hail " .. args.who, mentions = { args.who }, txn_id = "once" .. args.who }
end)

bot:command("about [what:event]", { rerun = true }, function(ev, args)
    ev:reply(("%s %s %s"):format(args.what, ev.body, ev.thread_id))
end)

bot:command("plain <text...>", "is not run again", function(ev, args) ev:reply(args.text) end)
