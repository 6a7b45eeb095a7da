-- Guard: welcomes, bans by server name, and warns; the third warning kicks.
-- Config: { quarantine = { "%.bad%.example$" } }, Lua patterns for server names.
local quarantine = bot.config.quarantine or {}

bot:on("join", function(ev)
    local server = ev.user_id:match(":(.+)$")
    for _, pattern in ipairs(quarantine) do
        if server:find(pattern) then
            local ok, err = ev.room:ban(ev.user_id, "server is on this room's quarantine list")
            if not ok then
                bot.admin:notice(("cannot ban %s in %s: %s"):format(ev.user_id, ev.room, err))
            end
            return
        end
    end
    ev.room:send(("Welcome, %s! Please read the topic."):format(ev.member))
end)

local options = { help = "warn; the third time kicks", power = 50 }

bot:command("warn <who:user> <reason...>", options, function(ev, args)
    local key = "warn:" .. args.who
    -- One step: two warnings at the same time count as two.
    local n = bot.store:update(key, function(old) return (old or 0) + 1 end)
    if n < 3 then
        return ev:reply(("%s: warning %d of 3: %s"):format(args.who, n, args.reason))
    end
    assert(ev.room:kick(args.who, args.reason))
    bot.store:delete(key)
end)
