-- Says in a room what another program tells it:
--
--     curl -H "Authorization: Bearer $TOKEN" -d "disk is full" \
--         https://bots.example.org/hook/main/mybot/notify

bot:webhook("notify", { verify = "token", secret = bot.secrets.token }, function(req)
    if req.body == "" then return 400, "say something" end
    assert(bot:room(bot.config.room):notice(req.body))
end)
