-- Names of rooms, members and users.

return function(to)
local method, fields = to.method, to.fields

local forbidden = "M_FORBIDDEN: not allowed in this room"
local encrypted = "unsupported: the room is encrypted"
local room = "local room = bot:room(\"!abc:example.org\")\n"
local timeout = { "opts?", "Timeout", "" }

method { class = "Room", name = "send", where = "task", waits = true,
    summary = "Send an m.text message.",
    params = { { "what", "string|Message", "text, or a table" }, timeout },
    returns = { { "sent", "Event" } },
    fails = { forbidden, "limit: larger than an event may be", encrypted },
    example = room .. [[assert(room:send{ html = "<b>bold</b>" })]] }

method { class = "Room", name = "notice", where = "task", waits = true,
    summary = "Send an m.notice message: what bots say by themselves.",
    params = { { "what", "string|Message", "text, or a table" }, timeout },
    returns = { { "sent", "Event" } },
    fails = { forbidden, "limit: larger than an event may be", encrypted },
    example = room .. [[room:notice("backup done")]] }

method { class = "Room", name = "send_event", where = "task", waits = true,
    summary = "Send an event of any type.",
    params = { { "type", "string", "" }, { "content", "table", "as it goes out" },
        { "opts?", "table", "", fields = { { "txn_id?", "string", "" },
            { "timeout?", "duration", "" } } } },
    returns = { { "sent", "Event" } }, fails = { forbidden, encrypted },
    example = room .. [[room:send_event("org.example.thing", { n = 1 })]] }

method { class = "Room", name = "redact", where = "task", waits = true,
    summary = "Remove the content of an event.",
    params = { { "event_id", "string", "" }, { "reason?", "string", "" }, timeout },
    returns = { { "sent", "Event" } }, fails = { forbidden },
    example = room .. [[room:redact("$event", "spam")]] }

for _, f in ipairs({
    { "name", "string", "The name people see: name, alias, or who is in it." },
    { "topic", "string", "The topic, or nil." },
    { "alias", "string", "The main alias, or nil." },
    { "version", "string", "The room version, or nil when unknown." },
    { "is_direct", "boolean", "A direct chat: in m.direct, or the bot was invited to one." },
    { "is_encrypted", "boolean", "Encrypted? Never switches off again." },
    { "is_space", "boolean", "A space?" },
}) do
    method { class = "Room", name = f[1], where = "any", summary = f[3],
        returns = { { "value", f[2] } }, example = room .. ("print(room:%s())"):format(f[1]) }
end

method { class = "Room", name = "state", where = "any",
    summary = "Content of a state event, from the local copy.",
    params = { { "type", "string", "" }, { "key?", "string", "\"\" by default" } },
    returns = { { "content", "table", "nil when there is none" } },
    example = room .. [[local rules = room:state("m.room.join_rules")]] }

method { class = "Room", name = "states", where = "any",
    summary = "Iterate over all state events of a type, from the local copy.",
    params = { { "type", "string", "" } },
    returns = { { "iterator", "function", "of key, content" } },
    example = room .. [[
for key, content in room:states("m.room.member") do print(key, content.membership) end]] }

method { class = "Room", name = "set_state", where = "task", waits = true,
    summary = "Set a state event.",
    params = { { "type", "string", "" }, { "content", "table", "" },
        { "key?", "string", "\"\" by default" }, timeout },
    returns = { { "sent", "Event" } }, fails = { forbidden },
    example = room .. [[room:set_state("m.room.topic", { topic = "all is well" })]] }

method { class = "Room", name = "member", where = "task", waits = true,
    summary = "A member, or nil; the list is fetched once if it was loaded lazily.",
    params = { { "user_id", "string", "" } }, returns = { { "member", "Member" } },
    example = room .. [[local member = room:member("@alice:example.org")]] }

method { class = "Room", name = "members", where = "task", waits = true,
    summary = "Iterate over the members.",
    params = { { "opts?", "table", "", fields = { { "membership?", "string",
        "join (default), invite, knock, leave, ban or all" }, { "timeout?", "duration", "" } } } },
    returns = { { "iterator", "function", "of Member" } },
    example = room .. [[for member in room:members() do print(member) end]] }

method { class = "Room", name = "power", where = "any",
    summary = "A user's power level; math.huge for creators from room version 12 on.",
    params = { { "user_id", "string", "" } }, returns = { { "level", "number" } },
    example = room .. [[print(room:power("@alice:example.org"))]] }

method { class = "Room", name = "required_power", where = "any",
    summary = "The level an action needs.",
    params = { { "action", "string", "send invite kick ban redact, or an event type" } },
    returns = { { "level", "number" } },
    example = room .. [[print(room:required_power("m.room.topic"))]] }

method { class = "Room", name = "can", where = "any",
    summary = "Does a user have the power for an action?",
    params = { { "user_id", "string", "" },
        { "action", "string", "send invite kick ban redact, or an event type" } },
    returns = { { "yes", "boolean" } },
    example = room .. [[if room:can(bot.user_id, "kick") then print("yes") end]] }

for _, f in ipairs({
    { "invite", "Invite a user." }, { "kick", "Remove a user." },
    { "ban", "Ban a user." }, { "unban", "Lift a ban." },
}) do
    method { class = "Room", name = f[1], where = "task", waits = true, summary = f[2],
        params = { { "user_id", "string", "" }, { "reason?", "string", "" }, timeout },
        returns = { { "ok", "boolean" } }, fails = { forbidden },
        example = room .. ("local ok, err = room:%s(\"@alice:example.org\")\n"
            .. "if not ok then print(err) end"):format(f[1]) }
end

method { class = "Room", name = "join", where = "task", waits = true,
    summary = "Join it, for instance after an invite.", params = { timeout },
    returns = { { "ok", "boolean" } }, fails = { "M_FORBIDDEN: not invited, or banned" },
    example = [[bot:on("invite", function(ev) if ev.is_me then ev.room:join() end end)]] }

method { class = "Room", name = "leave", where = "task", waits = true, summary = "Leave it.",
    params = { { "reason?", "string", "shown to the members" }, timeout },
    returns = { { "ok", "boolean" } }, fails = { "M_NOT_FOUND: we are not in it" },
    example = room .. [[assert(room:leave("closing down"))]] }

fields("Room", {
    { "room_id", "string", "nil while an alias has not been looked up" },
    { "membership", "string", "the bot's own: join, invite, knock, leave, ban; nil unknown" },
})
fields("User", { { "user_id", "string", "" } })
fields("Member", {
    { "user_id", "string", "" },
    { "displayname", "string", "as the member set it, or nil" },
    { "avatar_url", "string", "mxc:// address, or nil" },
    { "membership", "string", "join, invite, knock, leave, ban" },
    { "power", "number", "math.huge for creators from room version 12 on" },
})

end
