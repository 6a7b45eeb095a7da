-- Names of events, and what can be sent.

return function(to)
local method, fields, record = to.method, to.fields, to.record

record { name = "Message", fields = {
    { "body?", "string", "plain text; derived from html when absent" },
    { "html?", "string", "formatted text, the HTML subset of Matrix" },
    { "markdown?", "string", "formatted text, written as Markdown" },
    { "msgtype?", "string", "instead of m.text or m.notice" },
    { "reply_to?", "string|Event", "what this answers" },
    { "thread?", "string|Event", "root of the thread it belongs to" },
    { "mentions?", "table", "user IDs, members or users; room = true for everybody" },
    { "content?", "table", "more content, merged last" },
    { "txn_id?", "string", "transaction ID; the host makes one" },
    { "timeout?", "duration", "how long to wait for the server" },
} }

record { name = "Timeout", fields = { { "timeout?", "duration", "how long to wait (60 s)" } } }

local forbidden = "M_FORBIDDEN: not allowed in this room"
local limit = "limit: larger than an event may be"
local encrypted = "unsupported: the room is encrypted"

method { class = "Event", name = "reply", where = "task", waits = true,
    summary = "Answer this event: m.notice, in the same thread, mentioning the sender.",
    params = { { "what", "string|Message", "text, or a table" }, { "opts?", "Timeout", "" } },
    returns = { { "sent", "Event" } }, fails = { forbidden, limit, encrypted },
    example = [[bot:on("message", function(ev) ev:reply("got it") end)]] }

method { class = "Event", name = "ask", where = "task", waits = true,
    summary = "Reply, then wait for a message of the same sender, in the same room and thread; "
        .. "handlers do not get it. Gives up the room's turn.",
    params = { { "what", "string|Message", "text, or a table" },
        { "opts?", "table", "", fields = {
            { "timeout?", "duration", "how long to wait for the answer (5 min)" },
            { "from?", "string|User|Member|table", "who is to answer, or a list" } } } },
    returns = { { "answer", "Event" } },
    fails = { "timeout: no answer", "limit: the script waits for 1000 events already", forbidden,
        encrypted },
    example = [[
bot:command("order", "a pizza", function(ev)
    local answer, err = ev:ask("Which size?", { timeout = "2m" })
    if not answer then return ev:reply("no order: " .. err) end
    answer:reply("a pizza, " .. answer.body)
end)]] }

method { class = "Event", name = "react", where = "task", waits = true,
    summary = "React to this event.",
    params = { { "key", "string", "an emoji, or a short text" }, { "opts?", "Timeout", "" } },
    returns = { { "sent", "Event" } }, fails = { forbidden, encrypted },
    example = [[bot:on("message", function(ev) ev:react("👍") end)]] }

method { class = "Event", name = "edit", where = "task", waits = true,
    summary = "Replace the text of an event the bot sent; msgtype and thread stay.",
    params = { { "what", "string|Message", "text, or a table" }, { "opts?", "Timeout", "" } },
    returns = { { "sent", "Event" } }, fails = { forbidden, limit, encrypted },
    example = [[
bot:command("work", "do it", function(ev)
    local sent = assert(ev:reply("working"))
    matrix.sleep(5)
    sent:edit("done")
end)]] }

method { class = "Event", name = "redact", where = "task", waits = true,
    summary = "Remove the content of this event.",
    params = { { "reason?", "string", "shown to the room" }, { "opts?", "Timeout", "" } },
    returns = { { "sent", "Event" } }, fails = { forbidden },
    example = [[bot:on("message", { pattern = "spam" }, function(ev) ev:redact("spam") end)]] }

method { class = "Event", name = "permalink", where = "any",
    summary = "A matrix.to link to this event.", returns = { { "link", "string" } },
    example = [[bot:on("reaction", function(ev) bot.admin:notice(ev:permalink()) end)]] }

fields("Event", {
    { "event_id", "string", "nil for the stripped state of an invite" },
    { "type", "string", "m.room.message ..." },
    { "sender", "string", "user ID" },
    { "origin_server_ts", "integer", "milliseconds since 1970; 0 when missing" },
    { "content", "table", "as sent" },
    { "unsigned", "table", "what the server added" },
    { "state_key", "string", "state events only" },
    { "room_id", "string", "" },
    { "room", "Room", "" },
    { "member", "Member", "the sender in this room; prints as the displayname" },
    { "is_own", "boolean", "the bot's account sent it" },
    { "is_direct", "boolean", "in a direct chat" },
    { "age", "number", "seconds since it was sent" },
    { "redelivered", "boolean", "an earlier attempt did not finish" },
    { "attempt", "integer", "1 at first" },
    { "history", "boolean", "old, or from before the bot joined" },
    { "body", "string", "text, without the reply fallback" },
    { "msgtype", "string", "" },
    { "html", "string", "formatted text, without the reply fallback" },
    { "thread_id", "string", "root of its thread" },
    { "reply_to_id", "string", "what it answers" },
    { "mentions_me", "boolean", "" },
    { "target_id", "string", "reaction, edit, redaction: what it points at" },
    { "key", "string", "reaction: the emoji" },
    { "new_content", "table", "edit: the new content" },
    { "reason", "string", "redaction, membership" },
    { "user_id", "string", "membership: whose" },
    { "membership", "string", "membership: what it is now" },
    { "prev_content", "table", "state: what was there before" },
    { "is_me", "boolean", "membership: the bot's own" },
})

end
