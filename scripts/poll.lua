-- Votes by reaction. Reply to the poll with !results.

bot:command("poll <question...>", "ask the room", function(ev, args)
    local sent = assert(ev.room:send(args.question))
    bot.store:set("poll:" .. sent.event_id, { ["👍"] = 0, ["👎"] = 0 }, { ttl = "7d" })
    sent:react("👍")
    sent:react("👎")
end)

local function tally(ev, delta)
    if ev.redelivered then return end -- counted, or lost by one at most
    bot.store:update("poll:" .. ev.target_id, function(votes)
        if votes and votes[ev.key] then votes[ev.key] = votes[ev.key] + delta end
        return votes
    end)
end

bot:on("reaction", function(ev) if ev.target_id and ev.key then tally(ev, 1) end end)
bot:on("unreaction", function(ev) tally(ev, -1) end)

bot:command("results <poll:event>", "show the votes (reply to the poll)", function(ev, args)
    local votes = bot.store:get("poll:" .. args.poll)
    if not votes then return ev:reply("that is not one of my polls") end
    ev:reply(("👍 %d  👎 %d"):format(votes["👍"], votes["👎"]))
end)
