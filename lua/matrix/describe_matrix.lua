-- Names of `matrix`, its libraries, and the objects they give.

return function(to)
local method, func, fields = to.method, to.func, to.fields

func { class = "matrix", name = "client", where = "any",
    summary = "A raw client. Without arguments: the default account's stored login.",
    params = { { "opts?", "table", "", fields = {
        { "homeserver?", "string", "base URL or server name" },
        { "user_id?", "string", "finds the server by itself" },
        { "access_token?", "string|Secret", "" }, { "device_id?", "string", "" },
        { "session?", "string", "file written by client:save" },
        { "account?", "string", "name of a stored login" } } } },
    returns = { { "client", "Client" } }, fails = { "store: no such login" },
    example = [[local client = matrix.client{ homeserver = "https://example.org" }]] }

func { class = "matrix", name = "sleep", where = "task", waits = true,
    summary = "Wait; gives up the room's turn.",
    params = { { "duration", "duration", "" } }, returns = { { "ok", "boolean" } },
    example = [[matrix.sleep("1.5s")]] }

func { class = "matrix", name = "spawn", where = "task",
    summary = "Run fn beside this task.",
    params = { { "fn", "function", "" }, { "...?", "any", "its arguments" } },
    returns = { { "task", "Task" } },
    example = [[local task = matrix.spawn(function(n) return n + 1 end, 1)]] }

method { class = "Task", name = "join", where = "task", waits = true,
    summary = "Wait until it has ended; gives up the room's turn.",
    returns = { { "...", "any", "what its function returned" } },
    fails = { "task: it ended in an error" },
    example = [[local two = matrix.spawn(function() return 2 end):join()]] }

func { class = "matrix", name = "all", where = "task", waits = true,
    summary = "Run all functions at once and wait for all; gives up the room's turn. When one "
        .. "fails, the rest is cancelled.",
    params = { { "fns", "function[]", "called without arguments" } },
    returns = { { "results", "table", "the first result of each, in order; n is their number" } },
    fails = { "of the first that raised, or returned nil and an error" },
    example = [[
local both = assert(matrix.all{
    function() return matrix.http.get("https://example.org/a") end,
    function() return matrix.http.get("https://example.org/b") end,
})
print(both[1].status, both[2].status)]] }

func { class = "matrix", name = "race", where = "task", waits = true,
    summary = "Run all functions at once until the first has ended; gives up the room's turn. The "
        .. "rest is cancelled.",
    params = { { "fns", "function[]", "called without arguments" } },
    returns = { { "...", "any", "what the first returned" } },
    fails = { "task: the first ended in an error" },
    example = [[
local res = matrix.race{
    function() return matrix.http.get("https://example.org/") end,
    function() matrix.sleep("5s") end,
}]] }

func { class = "matrix", name = "array", where = "any",
    summary = "Mark a table as a list, so that {} becomes [].",
    params = { { "t", "table", "" } }, returns = { { "t", "table" } },
    example = [[print(matrix.json.encode(matrix.array({})))]] }

func { class = "matrix", name = "is_array", where = "any", summary = "Marked or decoded as a list?",
    params = { { "t?", "any", "" } }, returns = { { "yes", "boolean" } },
    example = [[print(matrix.is_array(matrix.json.decode("[]")))]] }

func { class = "matrix", name = "now", where = "any", summary = "Seconds since 1970.",
    returns = { { "seconds", "number" } }, example = [[print(matrix.now())]] }

func { class = "matrix", name = "monotonic", where = "any",
    summary = "Seconds of a clock that never jumps.",
    returns = { { "seconds", "number" } }, example = [[print(matrix.monotonic())]] }

func { class = "matrix", name = "duration", where = "any",
    summary = "\"1h30m\" to 5400, and back.",
    params = { { "x", "string|number", "" } },
    returns = { { "y", "number|string", "nil when the text is no duration" } },
    example = [[print(matrix.duration("1h30m"), matrix.duration(5400))]] }

func { class = "matrix", name = "error", where = "any",
    summary = "An error object of your own.",
    params = { { "kind", "string", "matrix http network timeout json limit denied unsupported "
        .. "crypto store task cancelled" }, { "text", "string", "one sentence" } },
    returns = { { "err", "Error" } },
    example = [[local function get() return nil, matrix.error("limit", "too many") end]] }

func { class = "matrix", name = "is_error", where = "any", summary = "Is it an error object?",
    params = { { "value?", "any", "" } }, returns = { { "yes", "boolean" } },
    example = [[print(matrix.is_error(matrix.error("limit", "too many")))]] }

func { class = "matrix", name = "secret", where = "any",
    summary = "A secret by its name; lunatrix exec only (a bot has bot.secrets).",
    params = { { "name", "string", "" } }, returns = { { "secret", "Secret" } },
    fails = { "store: not found, or others can read it" },
    example = [[local password = matrix.secret "hello"]] }

func { class = "matrix", name = "discover", where = "task", waits = true,
    summary = "The base URL of a server's client API.",
    params = { { "server_name", "string", "" }, { "opts?", "Timeout", "" } },
    returns = { { "url", "string" } },
    example = [[print(assert(matrix.discover("example.org")))]] }

fields("matrix", {
    { "version", "string", "of lunatrix" },
    { "json", "matrix.json", "strict JSON" },
    { "http", "matrix.http", "HTTP" },
    { "log", "matrix.log", "log lines" },
    { "html", "matrix.html", "HTML: entities, plain text" },
    { "time", "matrix.time", "points in time as text" },
    { "uri", "matrix.uri", "links to users, rooms and events" },
    { "crypto", "matrix.crypto", "digests" },
    { "base64", "matrix.base64", "bytes as text" },
})

func { class = "matrix.json", name = "encode", where = "any",
    summary = "JSON text. Integers stay integers, marked tables stay lists.",
    params = { { "value?", "any", "" }, { "opts?", "table", "",
        fields = { { "pretty?", "boolean", "indented, keys sorted" } } } },
    returns = { { "text", "string" } }, fails = { "json: what cannot be written, with its path" },
    example = [[print(matrix.json.encode({ n = 1 }, { pretty = true }))]] }

func { class = "matrix.json", name = "decode", where = "any", summary = "The value of JSON text.",
    params = { { "text", "string", "" } }, returns = { { "value", "any" } },
    fails = { "json: where the text is wrong" },
    example = [[local t = assert(matrix.json.decode('{"n": 1}'))]] }

fields("matrix.json", { { "null", "userdata", "JSON's null, the same as cjson.null" } })

local http = {
    { "headers?", "table", "name to value" }, { "query?", "table", "name to value or list" },
    { "timeout?", "duration", "30 by default" }, { "max_bytes?", "integer", "8 MiB by default" },
    { "redirects?", "integer", "how many to follow (5)" },
}
local with_body = { table.unpack(http) }
with_body[#with_body + 1] = { "body?", "string|table|Secret", "a table goes out as JSON" }

func { class = "matrix.http", name = "get", where = "task", waits = true,
    summary = "GET a URL; gives up the room's turn. Any status is a response.",
    params = { { "url", "string", "" }, { "opts?", "table", "", fields = http } },
    returns = { { "res", "Response" } }, fails = { "network, timeout, limit: no whole response" },
    example = [[local res = assert(matrix.http.get("https://example.org/feed"))]] }

func { class = "matrix.http", name = "post", where = "task", waits = true,
    summary = "POST to a URL; a table goes out as JSON.",
    params = { { "url", "string", "" }, { "body?", "string|table|Secret", "" },
        { "opts?", "table", "", fields = http } },
    returns = { { "res", "Response" } }, fails = { "network, timeout, limit: no whole response" },
    example = [[local res = assert(matrix.http.post("https://example.org/hook", { n = 1 }))]] }

func { class = "matrix.http", name = "put", where = "task", waits = true,
    summary = "PUT to a URL; a table goes out as JSON.",
    params = { { "url", "string", "" }, { "body?", "string|table|Secret", "" },
        { "opts?", "table", "", fields = http } },
    returns = { { "res", "Response" } }, fails = { "network, timeout, limit: no whole response" },
    example = [[local res = assert(matrix.http.put("https://example.org/lamp", { on = true }))]] }

func { class = "matrix.http", name = "delete", where = "task", waits = true,
    summary = "DELETE a URL.",
    params = { { "url", "string", "" }, { "opts?", "table", "", fields = http } },
    returns = { { "res", "Response" } }, fails = { "network, timeout, limit: no whole response" },
    example = [[local res = assert(matrix.http.delete("https://example.org/items/1"))]] }

func { class = "matrix.http", name = "request", where = "task", waits = true,
    summary = "Any method, in capitals; the body is an option.",
    params = { { "method", "string", "GET POST PUT DELETE PATCH HEAD ..." },
        { "url", "string", "" },
        { "opts?", "table", "", fields = with_body } },
    returns = { { "res", "Response" } }, fails = { "network, timeout, limit: no whole response" },
    example = [[local res = assert(matrix.http.request("HEAD", "https://example.org/"))]] }

fields("Response", {
    { "status", "integer", "" }, { "headers", "table", "by lower-case name" },
    { "body", "string", "" }, { "url", "string", "after redirects" },
})
method { class = "Response", name = "json", where = "any", summary = "The body, decoded.",
    returns = { { "value", "any" } }, fails = { "json: where the text is wrong" },
    example = [[local t = assert(assert(matrix.http.get("https://example.org/x.json")):json())]] }

for _, level in ipairs({ "debug", "info", "warn", "error" }) do
    func { class = "matrix.log", name = level, where = "any",
        summary = "A log line with account, script, file and line.",
        params = { { "format", "any", "as string.format's, or the text alone" },
            { "...?", "any", "" } },
        returns = {}, example = ("matrix.log.%s(\"%%d items\", 3)"):format(level) }
end

fields("Error", {
    { "kind", "string", "matrix http network timeout json limit denied unsupported crypto store "
        .. "task cancelled" },
    { "error", "string", "one sentence: what was tried, on what, why it failed" },
    { "errcode", "string", "M_FORBIDDEN ..." },
    { "status", "integer", "of HTTP" },
    { "retry_after_ms", "integer", "" },
    { "request", "string", "method and path" },
    { "body", "table", "the decoded error body" },
    { "unknown", "boolean", "the server may have acted all the same" },
})

method { class = "Secret", name = "reveal", where = "any",
    summary = "The text itself. Where the API takes a secret, hand over the object instead.",
    returns = { { "text", "string" } },
    example = [[local length = #assert(matrix.secret "hello"):reveal()]] }

end
