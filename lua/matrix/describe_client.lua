-- Names of the raw client and its batches.

return function(to)
local method, fields, record = to.method, to.fields, to.record

local client = "local client = assert(matrix.client{ session = \"session\" })\n"
local stranger = "local client = matrix.client{ homeserver = \"https://example.org\" }\n"
local timeout = { "opts?", "Timeout", "" }

record { name = "SyncOptions", fields = {
    { "timeout?", "duration", "how long the server may hold the request (30)" },
    { "since?", "string", "where to begin; the start by default" },
    { "filter?", "table|string", "a filter, or the ID of one" },
    { "types?", "string[]", "event types wanted; others are not kept" },
    { "full_state?", "boolean", "" },
    { "set_presence?", "string", "online, offline or unavailable" },
} }

method { class = "Client", name = "save", where = "any",
    summary = "Write the login into a file, for matrix.client{ session = file }.",
    params = { { "file", "string", "" } }, returns = { { "ok", "boolean" } },
    fails = { "store: cannot write" }, example = client .. [[assert(client:save("session"))]] }

method { class = "Client", name = "login", where = "task", waits = true,
    summary = "Log in with a password or a login token.",
    params = { { "opts", "table", "", fields = {
        { "user?", "string", "name or full user ID" }, { "password?", "string|Secret", "" },
        { "token?", "string|Secret", "instead of user and password" },
        { "device_id?", "string", "to come back as a known device" },
        { "device_name?", "string", "" }, { "timeout?", "duration", "" } } } },
    returns = { { "login", "table",
        "user_id, device_id, access_token, refresh_token, expires_in_ms" } },
    fails = { "M_FORBIDDEN: wrong password" },
    example = stranger .. [[
local login = assert(client:login{ user = "ann", password = matrix.secret "ann" })
print(login.device_id)]] }

for _, f in ipairs({
    { "login_flows", "The ways to log in.", "table" },
    { "whoami", "user_id and device_id of the token.", "table" },
    { "versions", "Versions and features of the server.", "table" },
    { "logout", "End the login.", "boolean" },
}) do
    method { class = "Client", name = f[1], where = "task", waits = true, summary = f[2],
        params = { timeout }, returns = { { "value", f[3] } },
        example = (f[1] == "login_flows" and stranger or client)
            .. ("assert(client:%s())"):format(f[1]) }
end

method { class = "Client", name = "send", where = "task", waits = true,
    summary = "Send an event. bot.client sends in order, and refuses encrypted rooms.",
    params = { { "room_id", "string", "" }, { "type", "string", "" }, { "content", "table", "" },
        { "opts?", "table", "", fields = {
            { "txn_id?", "string", "a random one by default, kept over retries" },
            { "timeout?", "duration", "" } } } },
    returns = { { "event_id", "string" } }, fails = { "M_FORBIDDEN: not in the room" },
    example = client .. [[
assert(client:send("!a:example.org", "m.room.message", { msgtype = "m.text", body = "hi" }))]] }

method { class = "Client", name = "sync", where = "task", waits = true,
    summary = "Iterate over batches for ever: goes on after network errors, ends when the login is "
        .. "dead, with the reason in client.error.",
    params = { { "opts?", "SyncOptions", "" } },
    returns = { { "iterator", "function", "of Batch" } },
    example = client .. [[
for batch in client:sync{ timeout = 30 } do print(batch.next_batch) end]] }

method { class = "Client", name = "sync_once", where = "task", waits = true,
    summary = "One batch.", params = { { "opts?", "SyncOptions", "" } },
    returns = { { "batch", "Batch" } }, fails = { "M_UNKNOWN_TOKEN: not logged in" },
    example = client .. [[local batch = assert(client:sync_once{ timeout = 0 })]] }

method { class = "Client", name = "define_filter", where = "task", waits = true,
    summary = "Store a filter on the server.",
    params = { { "filter", "table", "" }, timeout }, returns = { { "filter_id", "string" } },
    example = client .. [[local id = assert(client:define_filter{ room = { rooms = {} } })]] }

method { class = "Client", name = "request", where = "task", waits = true,
    summary = "Any endpoint. GET and PUT are repeated after failures, others not when the server "
        .. "may have acted.",
    params = { { "method", "string", "GET PUT POST DELETE" },
        { "path", "string", "encoded; from /_matrix on, or short: /rooms/... is of v3" },
        { "opts?", "table", "", fields = { { "query?", "table", "" }, { "body?", "table", "" },
            { "headers?", "table", "" }, { "timeout?", "duration", "" } } } },
    returns = { { "body", "any", "decoded" }, { "response", "table", "status and headers" } },
    fails = { "matrix: what the server said, with err.errcode and err.body" },
    example = client .. [[local body = assert(client:request("GET", "/account/whoami"))]] }

fields("Client", { { "error", "Error", "why client:sync ended" } })
fields("Batch", {
    { "next_batch", "string", "where the next sync begins" },
    { "initial", "boolean", "the first one, without since" },
})

method { class = "Batch", name = "events", where = "any",
    summary = "Iterate over events, each a plain table with room_id.",
    params = { { "opts?", "table", "", fields = { { "section?", "string",
        "timeline (default) state invite knock ephemeral account_data room_account_data "
        .. "to_device presence" } } } },
    returns = { { "iterator", "function", "of table" } },
    example = client .. [[
for batch in client:sync() do
    for ev in batch:events() do print(ev.type) end
end]] }

method { class = "Batch", name = "json", where = "any",
    summary = "The whole response as one table.",
    params = { { "opts?", "table", "",
        fields = { { "max_bytes?", "integer", "refuse above" } } } },
    returns = { { "response", "table" } }, fails = { "limit: above 8 MiB, or max_bytes" },
    example = client .. [[local response = assert(assert(client:sync_once()):json())]] }

end
