-- Ping: a reply, then an edit of it that tells how long things took.
-- In a room: !ping
bot:command("ping", "check that I am alive", function(ev)
    local lag = matrix.now() - ev.origin_server_ts / 1000 -- from the homeserver to here
    local t0 = matrix.now()
    local sent = assert(ev:reply("pong"))
    local taken = matrix.now() - t0
    sent:edit(("pong: lag %.0f ms, send %.0f ms"):format(lag * 1000, taken * 1000))
end)
