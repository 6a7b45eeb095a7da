-- Names of `bot`, its store and its handles.

return function(to)
local method, fields, record = to.method, to.fields, to.record

record { name = "Filter", fields = {
    { "room?", "string|Room|table", "room ID or alias, or a list" },
    { "sender?", "string|string[]", "user ID" },
    { "msgtype?", "string|string[]", "m.text, m.emote, m.image ..." },
    { "pattern?", "string|string[]", "Lua pattern found in the body" },
    { "thread?", "boolean|string|string[]", "in a thread, in none, or in the one with that root" },
    { "is_me?", "boolean", "about the bot's own membership" },
    { "history?", "boolean", "exact types only: also old events" },
} }

record { name = "CommandOptions", fields = {
    { "help?", "string", "one line for the list of commands" },
    { "examples?", "string|string[]", "shown by help COMMAND" },
    { "aliases?", "string|string[]", "other names" },
    { "power?", "number", "least power level of the sender" },
    { "admin?", "boolean", "only for the account's admins" },
    { "rooms?", "string|string[]", "room IDs or aliases; elsewhere it is no command" },
    { "dm?", "boolean", "true: only in direct chats; false: not there" },
    { "cooldown?", "duration", "least time between two calls of one sender" },
    { "split?", "boolean", "rest... is a list of words" },
    { "hidden?", "boolean", "not in the list of commands" },
    { "check?", "function", "gets the arguments; nil, message refuses them" },
    { "rerun?", "boolean", "an edited call runs again and edits its answers" },
} }

method { class = "bot", name = "on", where = "load", unchecked = true,
    summary = "Call fn for each event of that name. Short names are safe: they leave out what the "
        .. "bot itself did, and history; exact types bring everything.",
    params = { { "name", "string", "message mention dm edit reaction unreaction redaction "
        .. "join leave invite knock kick ban ready load snapshot unload, an exact type, or "
        .. "script:SCRIPT:NAME" },
        { "filter?", "Filter", "all given fields must match" },
        { "fn", "function", "gets the event; for hooks, and what a script emits, a table",
            takes = "ev: Event" } },
    returns = { { "handle", "Handle" } },
    example = [[bot:on("message", { pattern = "^hello" }, function(ev) ev:reply("hello!") end)]] }

method { class = "bot", name = "hear", where = "load", unchecked = true,
    summary = "Call fn(ev, captures...) for each message in whose body a Lua pattern is found.",
    params = { { "pattern", "string", "Lua pattern; without captures fn gets the whole match" },
        { "filter?", "Filter", "all given fields must match too" },
        { "fn", "function", "gets the event and what the pattern captured",
            takes = "ev: Event, ...: string" } },
    returns = { { "handle", "Handle" } },
    example = [[bot:hear("issue #(%d+)", function(ev, n) ev:reply("see issue " .. n) end)]] }

method { class = "bot", name = "command", where = "load", unchecked = true,
    summary = "Call fn(ev, args) for messages that are this command.",
    params = { { "usage", "string", "name sub <required> [optional] <n:type> [n:type=default] "
        .. "<mode:on|off> [rest...]" },
        { "help?", "string|CommandOptions", "one line, or a table of options" },
        { "fn", "function", "gets the event and a table of arguments by name",
            takes = "ev: Event, args: table" } },
    returns = { { "handle", "Handle" } },
    example = [[
bot:command("add <a:int> <b:int>", "add two numbers", function(ev, args)
    ev:reply(tostring(args.a + args.b))
end)]] }

method { class = "bot", name = "every", where = "any", unchecked = true,
    summary = "Call fn again and again. A tick is left out while the last one runs; a reload keeps "
        .. "the time of the next one.",
    params = { { "interval", "duration", "time between two calls" },
        { "opts?", "table", "", fields = {
            { "name?", "string", "by which a reload finds it again" },
            { "now?", "boolean", "first call at once" },
            { "jitter?", "duration", "at most so much later, at random" } } },
        { "fn", "function", "called without arguments" } },
    returns = { { "handle", "Handle" } }, fails = { "cancelled: this script is being replaced" },
    example = [[bot:every("10m", { name = "poll" }, function() matrix.log.info("tick") end)]] }

method { class = "bot", name = "cron", where = "load", unchecked = true,
    summary = "Call fn when the clock says so, as crontab(5) does. A tick is left out while the "
        .. "last one runs, and is not made up when the program was down.",
    params = { { "spec", "string", "minute hour day month weekday, or @hourly @daily @weekly "
        .. "@monthly @yearly" },
        { "opts?", "table", "", fields = {
            { "tz?", "string", "local (default): the clock of the machine; or UTC" },
            { "name?", "string", "by which a reload finds it again" },
            { "jitter?", "duration", "at most so much later, at random" } } },
        { "fn", "function", "called without arguments" } },
    returns = { { "handle", "Handle" } },
    example = [[bot:cron("0 9 * * mon-fri", function() bot.admin:notice("good morning") end)]] }

method { class = "bot", name = "after", where = "any",
    summary = "Call fn once, later; a reload cancels it.",
    params = { { "delay", "duration", "from now" },
        { "fn", "function", "called without arguments" } },
    returns = { { "handle", "Handle" } }, fails = { "cancelled: this script is being replaced" },
    example = [[bot:after("5s", function() matrix.log.info("five seconds later") end)]] }

record { name = "WebhookOptions", fields = {
    { "verify?", "string|function|boolean", "github, gitlab, hmac-sha256, token, a function of the "
        .. "request, or false: anybody may" },
    { "secret?", "string|Secret", "what both sides know, such as bot.secrets.github" },
    { "method?", "string|string[]", "GET POST PUT PATCH DELETE (POST)" },
    { "header?", "string", "hmac-sha256 (x-signature-256) and token (authorization): where it "
        .. "stands" },
    { "max_bytes?", "integer", "of the body (1 MiB), at most 16 MiB" },
} }

method { class = "bot", name = "webhook", where = "load",
    summary = "Call fn(req) for HTTP requests to <public_url>/hook/<account>/<script>/<name>. It "
        .. "returns status [, body or table [, headers]]; nothing is 204, an error 500.",
    params = { { "name", "string", "letters, digits, - and _" },
        { "options", "WebhookOptions", "who may call it" },
        { "fn", "function", "may wait; 30 s are the limit", takes = "req: Request" } },
    returns = { { "handle", "Handle" } },
    example = [[
bot:webhook("deploy", { verify = "token", secret = bot.secrets.deploy }, function(req)
    local job = req:json()
    bot:room("#ops:example.org"):send("deployed " .. tostring(job and job.version))
    return 202, { ok = true }
end)]] }

method { class = "Request", name = "json", where = "any", summary = "The body, decoded.",
    returns = { { "value", "any" } }, fails = { "json: where the text is wrong" },
    example = [[
bot:webhook("push", { verify = false }, function(req)
    local value, err = req:json()
    return value and 204 or 400, err and tostring(err)
end)]] }

fields("Request", {
    { "method", "string", "POST ..." },
    { "path", "string", "/hook/main/github/push" },
    { "query", "table", "decoded, name to text; of a name that comes twice the last counts" },
    { "headers", "table", "by lower-case name; repeated ones joined with \", \"" },
    { "body", "string", "bytes" },
})

record { name = "Waiting", fields = {
    { "timeout?", "duration", "how long to wait (5 min)" },
} }

method { class = "bot", name = "wait_for", where = "task", waits = true, unchecked = true,
    summary = "Wait for the next event of that name; handlers do not get it. Gives up the room's "
        .. "turn.",
    params = { { "name", "string", "as for bot:on, but no hook" },
        { "filter?", "Filter|Waiting", "all given fields must match; may be left out" },
        { "opts?", "Waiting", "" } },
    returns = { { "ev", "Event" } },
    fails = { "timeout: none came", "limit: the script waits for 1000 events already" },
    example = [[
bot:command("deploy", "once somebody says go", function(ev)
    local filter = { room = ev.room, pattern = "^go$" }
    local go, err = bot:wait_for("message", filter, { timeout = "1h" })
    ev:reply(go and ("%s said go"):format(go.member) or "not done: " .. err)
end)]] }

record { name = "Emitted", fields = {
    { "script", "string", "that emitted it" }, { "name", "string", "" },
    { "data?", "any", "a copy" },
} }

method { class = "bot", name = "emit", where = "task",
    summary = "Tell the scripts of this account, this one too: bot:on(\"script:SCRIPT:NAME\", fn), "
        .. "where fn gets { script, name, data }. Waits for nobody.",
    params = { { "name", "string", "one word without a colon" },
        { "data?", "any", "nil, boolean, number, string or a table of these; copied" } },
    returns = { { "count", "integer", "how many scripts listen" } },
    fails = { "limit: more than 64 KiB of data, or 1000 wait for a script that listens" },
    example = [[
bot:command("sold <what>", "one less", function(_, args)
    bot:emit("sold", { what = args.what })
end)]] }

method { class = "bot", name = "resource", where = "any",
    summary = "The content of a file beside the script, or below its directory. Saving that file "
        .. "reloads the script.",
    params = { { "path", "string", "from the script's directory, such as \"texts/help.txt\"" } },
    returns = { { "text", "string", "as it is, at most 8 MiB" } },
    fails = { "store: no such file", "denied: a link out of the directory", "limit: too large" },
    example = [[local rules = assert(bot:resource("rules.md"))]] }

method { class = "bot", name = "job", where = "load", unchecked = true,
    summary = "Say what runs for jobs of that name: bot:enqueue keeps them on disk. An error in fn "
        .. "is a failed attempt: another one later with retry, else the job is set aside.",
    params = { { "name", "string", "at most 255 bytes, once per script" },
        { "opts?", "table", "", fields = { { "retry?", "Retry", "after a failed attempt" } } },
        { "fn", "function", "gets the job; may wait", takes = "job: Job" } },
    returns = { { "handle", "Handle" } },
    example = [[
bot:job("report", { retry = { max = 3, backoff = "1m" } }, function(job)
    assert(bot:room(job.data.room_id):notice("the report"))
end)]] }

record { name = "Retry", fields = {
    { "max?", "integer", "further attempts (3)" },
    { "backoff?", "duration", "before the first of them (1m); doubles each time" },
} }

method { class = "bot", name = "enqueue", where = "any",
    summary = "Keep a job on disk, and run it once it is due: neither a reload nor a crash loses "
        .. "it. Without a time it is due at once.",
    params = { { "name", "string", "of the function given to bot:job" },
        { "opts?", "table", "", fields = {
            { "at?", "number", "seconds since 1970, as matrix.now()" },
            { "after?", "duration", "from now; not together with at" },
            { "data?", "any", "nil, boolean, number, string or a table of these" },
            { "key?", "string", "takes the place of a waiting job of that name and key" } } } },
    returns = { { "job", "Job" } },
    fails = { "limit: 10000 jobs wait, data of more than 64 KiB, or the store's quota is used up" },
    example = [[local job = assert(bot:enqueue("report", { after = "1h", key = "hourly" }))]] }

method { class = "bot", name = "jobs", where = "any", unchecked = true,
    summary = "Iterate over the jobs of a name that wait, the next one first; with an id that one "
        .. "job, or nil.",
    params = { { "name", "string", "of the job" }, { "id?", "integer", "job.id" } },
    returns = { { "iterator", "function|Job", "of Job" } },
    example = [[for job in bot:jobs("report") do print(job.id, job.at) end]] }

fields("Job", {
    { "id", "integer", "a small number, never used twice" },
    { "name", "string", "of the function given to bot:job" },
    { "at", "number", "when it is due, seconds since 1970" },
    { "data", "any", "what bot:enqueue was given" },
    { "attempt", "integer", "how often it began, this time included; 0 while it waits" },
})

method { class = "Job", name = "cancel", where = "any",
    summary = "Take back a job that waits.",
    returns = { { "ok", "boolean", "false: it runs already, or has ended" } },
    example = [[local job = assert(bot:enqueue("report", { after = "1h" })); job:cancel()]] }

method { class = "bot", name = "lock", where = "task", waits = true,
    summary = "Call fn while no other task of this script has the same key; gives up the room's "
        .. "turn. First come, first served.",
    params = { { "key", "string", "at most 255 bytes" }, { "fn", "function", "may wait" },
        { "...?", "any", "its arguments" } },
    returns = { { "...", "any", "what fn returned" } },
    fails = { "limit: 10000 locks held and waited for" },
    example = [[
bot:lock("deploy", function()
    matrix.http.post("https://example.org/deploy", {})
    matrix.sleep("10s")
end)]] }

method { class = "bot", name = "room", where = "any",
    summary = "A room. No network; an alias is looked up by the first call that waits.",
    params = { { "room", "string", "room ID or alias" } }, returns = { { "room", "Room" } },
    example = [[local room = bot:room("#ops:example.org")]] }

method { class = "bot", name = "user", where = "any", summary = "A user. No network.",
    params = { { "user_id", "string", "@name:server" } }, returns = { { "user", "User" } },
    example = [[local user = bot:user("@alice:example.org")]] }

method { class = "bot", name = "rooms", where = "any",
    summary = "Iterate over the rooms the bot is in.",
    params = { { "membership?", "string", "join (default), invite, knock, leave, ban or all" } },
    returns = { { "iterator", "function", "of Room" } },
    example = [[for room in bot:rooms() do print(room:name()) end]] }

method { class = "bot", name = "join", where = "task", waits = true,
    summary = "Join a room.",
    params = { { "room", "string", "room ID or alias" }, { "opts?", "table", "", fields = {
        { "via?", "string[]", "servers to join through" },
        { "reason?", "string", "shown to members" },
        { "timeout?", "duration", "" } } } },
    returns = { { "room", "Room" } }, fails = { "M_FORBIDDEN: not invited, or banned" },
    example = [[local room = assert(bot:join("#ops:example.org"))]] }

method { class = "bot", name = "resolve", where = "task", waits = true,
    summary = "The room ID behind an alias.",
    params = { { "alias", "string", "#name:server" } }, returns = { { "room_id", "string" } },
    fails = { "M_NOT_FOUND: no such alias" },
    example = [[local room_id = assert(bot:resolve("#ops:example.org"))]] }

fields("bot", {
    { "name", "string", "of this script" },
    { "user_id", "string", "of the account" },
    { "device_id", "string", "of the login" },
    { "generation", "integer", "1 at start, one more after each reload" },
    { "config", "table", "this script's `config` from lunatrix.lua, read-only" },
    { "config_schema", "table", "assign while loading, before `config` is read: what it must be, "
        .. "as { key = \"type=default\" }" },
    { "secrets", "table", "this script's `secrets`; each prints as (secret)" },
    { "store", "Store", "what is kept over restarts" },
    { "memory", "table", "plain-looking table that is kept over reloads, not over restarts" },
    { "admin", "Room", "the account's admin_room; without one, what is sent there is logged" },
    { "client", "Client", "this account's raw client: request, send and look-ups" },
    { "version", "integer", "assign while loading: your own number, the next load hook sees it" },
    { "reload", "string", "assign while loading: \"quiesce\" waits for handlers before snapshot" },
    { "concurrency", "integer", "assign while loading: rooms handled beside each other (64)" },
})

method { class = "Store", name = "get", where = "any", summary = "The value under a key, or nil.",
    params = { { "key", "string", "" } }, returns = { { "value", "any" } },
    example = [[local votes = bot.store:get("votes") or {}]] }

method { class = "Store", name = "set", where = "any",
    summary = "Keep a plain value; nil deletes.",
    params = { { "key", "string", "" },
        { "value?", "any", "nil, boolean, number, string or a table of these" },
        { "opts?", "table", "", fields = { { "ttl?", "duration", "gone after" } } } },
    returns = { { "ok", "boolean" } }, fails = { "limit: the script's quota is used up" },
    example = [[bot.store:set("votes", { yes = 1 }, { ttl = "7d" })]] }

method { class = "Store", name = "delete", where = "any", summary = "Forget a key.",
    params = { { "key", "string", "" } }, returns = { { "ok", "boolean" } },
    example = [[bot.store:delete("votes")]] }

method { class = "Store", name = "update", where = "any",
    summary = "Replace a value in one step: fn gets the old one and returns the new one, and may "
        .. "not wait. Keeps the ttl.",
    params = { { "key", "string", "" }, { "fn", "function", "old value to new value" } },
    returns = { { "value", "any", "the new one" } },
    fails = { "limit: the script's quota is used up" },
    example = [[local n = bot.store:update("n", function(old) return (old or 0) + 1 end)]] }

method { class = "Store", name = "keys", where = "any", summary = "Iterate over keys, in order.",
    params = { { "prefix?", "string", "only keys that begin so" } },
    returns = { { "iterator", "function", "of string" } },
    example = [[for key in bot.store:keys("warn:") do print(key) end]] }

method { class = "Handle", name = "cancel", where = "any",
    summary = "End the registration or timer.", returns = { { "ok", "boolean" } },
    example = [[local handle = bot:every("1m", print); handle:cancel()]] }

end
