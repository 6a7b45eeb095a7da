-- Reminders: durable jobs, so neither reload nor restart loses one

bot:job("remind", function(job)
    local d = job.data
    assert(bot:room(d.room_id):send{ body = d.text, reply_to = d.event_id, mentions = { d.who } })
end)

bot:command("remind <delay:duration> <text...>", "remind me later", function(ev, a)
    local data = { room_id = ev.room_id, event_id = ev.event_id, who = ev.sender, text = a.text }
    local job  = assert(bot:enqueue("remind", { after = a.delay, data = data }))
    ev:reply(("ok, #%d in %s"):format(job.id, matrix.duration(a.delay)))
end)
