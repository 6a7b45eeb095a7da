-- Names of the pure functions for text, time, links and digests.

return function(to)
local func = to.func

func { class = "matrix", name = "markdown", where = "any",
    summary = "Markdown (CommonMark) as the HTML that Matrix allows.",
    params = { { "text", "string", "" } }, returns = { { "html", "string" } },
    fails = { "limit: more than 64 KiB" },
    example = [[print(matrix.markdown("**bold** and `code`"))]] }

func { class = "matrix.html", name = "escape", where = "any", summary = "& < > \" ' as entities.",
    params = { { "text", "string", "" } }, returns = { { "html", "string" } },
    example = [[print(matrix.html.escape("a < b"))]] }
func { class = "matrix.html", name = "unescape", where = "any", summary = "Entities as text.",
    params = { { "html", "string", "" } }, returns = { { "text", "string" } },
    example = [[print(matrix.html.unescape("a &lt; b"))]] }

func { class = "matrix.html", name = "text", where = "any",
    summary = "HTML as readable plain text.",
    params = { { "html", "string", "" } }, returns = { { "text", "string" } },
    example = [[print(matrix.html.text("<b>a</b><br>b"))]] }

func { class = "matrix.time", name = "parse", where = "any",
    summary = "Seconds since 1970 of an ISO 8601 (RFC 3339) text; UTC when it names no zone.",
    params = { { "text", "string", "" } },
    returns = { { "seconds", "number", "nil when the text is no point in time" } },
    example = [[print(matrix.time.parse("2026-01-31T10:30:00+01:00"))]] }
func { class = "matrix.time", name = "format", where = "any",
    summary = "A point in time as ISO 8601 (RFC 3339) text, in UTC.",
    params = { { "seconds", "number", "since 1970" }, { "opts?", "table", "", fields = {
        { "digits?", "integer", "of the second's fraction, 0 to 6; none by default" } } } },
    returns = { { "text", "string" } },
    example = [[print(matrix.time.format(matrix.now(), { digits = 3 }))]] }

func { class = "matrix.uri", name = "parse", where = "any",
    summary = "What a matrix.to link or matrix: URI leads to.",
    params = { { "text", "string", "" } },
    returns = { { "link", "table", "user_id, room_id or alias; event_id, via, action; nil when "
        .. "the text is no such link" } },
    example = [[print(matrix.uri.parse("https://matrix.to/#/@alice:example.org").user_id)]] }
func { class = "matrix.uri", name = "format", where = "any",
    summary = "A link to a user, room or event.",
    params = { { "what", "string|Link", "an ID or alias, or a table as parse gives it" },
        { "opts?", "table", "", fields = {
            { "scheme?", "string", "\"https\" (matrix.to, by default) or \"matrix\"" } } } },
    returns = { { "link", "string" } },
    example = [[print(matrix.uri.format("@alice:example.org"))]] }
to.record { name = "Link", fields = {
    { "user_id?", "string", "one of these three" }, { "room_id?", "string", "" },
    { "alias?", "string", "" }, { "event_id?", "string", "in that room" },
    { "via?", "string[]", "servers that know the room" },
    { "action?", "string", "join or chat" } } }

local raw = { { "raw?", "boolean", "32 bytes instead of 64 hexadecimal digits" } }

func { class = "matrix.crypto", name = "sha256", where = "any",
    summary = "SHA-256, in hexadecimal.",
    params = { { "text", "string|Secret", "" }, { "opts?", "table", "", fields = raw } },
    returns = { { "digest", "string" } },
    example = [[print(matrix.crypto.sha256("hello"))]] }
func { class = "matrix.crypto", name = "hmac", where = "any",
    summary = "HMAC with SHA-256, in hexadecimal.",
    params = { { "key", "string|Secret", "" }, { "text", "string|Secret", "" },
        { "opts?", "table", "", fields = raw } },
    returns = { { "digest", "string" } },
    example = [[print(matrix.crypto.hmac("key", "text"))]] }
func { class = "matrix.crypto", name = "equal", where = "any",
    summary = "The same text? In a time that does not tell where they differ.",
    params = { { "a", "string|Secret", "" }, { "b", "string|Secret", "" } },
    returns = { { "yes", "boolean" } },
    example = [[print(matrix.crypto.equal("a", "b"))]] }

func { class = "matrix.base64", name = "encode", where = "any", summary = "Bytes as base64.",
    params = { { "bytes", "string|Secret", "" }, { "opts?", "table", "", fields = {
        { "url?", "boolean", "with - and _, for URLs" },
        { "padding?", "boolean", "false: without = at the end" } } } },
    returns = { { "text", "string" } },
    example = [[print(matrix.base64.encode("hello", { padding = false }))]] }
func { class = "matrix.base64", name = "decode", where = "any",
    summary = "The bytes of base64, padded or not, for URLs or not.",
    params = { { "text", "string", "" } },
    returns = { { "bytes", "string", "nil when the text is no base64" } },
    example = [[print(matrix.base64.decode("aGVsbG8"))]] }

func { class = "matrix", name = "uuid", where = "any", summary = "A random UUID (version 4).",
    returns = { { "uuid", "string" } }, example = [[print(matrix.uuid())]] }
func { class = "matrix", name = "split", where = "any",
    summary = "The parts of a text: its words, or what is between separators.",
    params = { { "text", "string", "" }, { "separator?", "string", "plain text, no pattern" } },
    returns = { { "parts", "string[]" } },
    example = [[for i, part in ipairs(matrix.split("a,b", ",")) do print(i, part) end]] }
func { class = "matrix", name = "keys", where = "any", summary = "The keys of a table, sorted.",
    params = { { "t", "table", "" } }, returns = { { "keys", "table" } },
    example = [[print(table.concat(matrix.keys({ b = 1, a = 2 }), " "))]] }
func { class = "matrix", name = "inspect", where = "any",
    summary = "A value as text for people, tables with what is in them.",
    params = { { "value?", "any", "" } }, returns = { { "text", "string" } },
    example = [[print(matrix.inspect({ 1, 2, name = "x" }))]] }

end
