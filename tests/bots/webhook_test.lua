-- bot:webhook: who may call, what a script sees, what it may answer.
local t = require "matrix.test"
t.script("webhook.lua", { config = { room = "#ops:test" }, secrets = { key = "s3cret" } })

t.case("what the script sees", function(w)
    local answer = w:webhook("open", { query = { a = "1 & 2", b = "ü" }, body = "x\0y" })
    t.eq(answer.status, 200)
    t.eq(answer.headers["content-type"], "application/json")
    t.match(answer.body, '"method":"GET"')
    t.match(answer.body, '"a":"1 & 2"')
    t.match(answer.body, '"b":"ü"')
    t.match(answer.body, '"path":"/hook/main/webhook/open"')
    t.match(answer.body, '"body":"x\\u0000y"')
end)

t.case("each kind of proof is taken, and nothing else", function(w)
    local header = { lab = "x-gitlab-token", hmac = "x-signature-256",
        gitea = "x-gitea-signature", token = "authorization", key = "x-api-key" }
    local sum = "7a4b7a2e54b2c9c1f3fdce6bcd4d5ea22f4a0f9f0ba2b7f1a6b8ab3c0d6f6c11"
    local wrong = { "", "s3cre", "s3crett", "S3CRET", "Bearer", "Bearer s3cre",
        "Basic s3cret", "sha256=" .. sum, sum, ("g"):rep(64) }
    for name, key in pairs(header) do
        t.eq(w:webhook(name, { body = "{}" }).status, 200, name)
        for _, value in ipairs(wrong) do
            t.eq(w:webhook(name, { body = "{}", headers = { [key] = value } }).status, 401,
                name .. ": " .. value)
        end
    end
    t.eq(#w:log("warn"), 1)
    t.eq(w:webhook("key", { headers = { ["x-api-key"] = "s3cret" } }).status, 200)
    t.eq(w:webhook("token", { headers = { authorization = "bearer s3cret" } }).status, 200)
    -- in the address it would stand in logs
    t.eq(w:webhook("token", { query = { token = "s3cret" }, headers = { authorization = "" } })
        .status, 401)
    w:advance("2m")
    t.eq(w:webhook("key", { headers = { ["x-api-key"] = "" } }).status, 401)
    t.match(w:log("warn")[1].text, "and %d+ before it")
end)

t.case("a function of the script's own may wait", function(w)
    t.eq(w:webhook("own", { query = { pass = "open sesame" } }).status, 200)
    t.eq(w:webhook("own", { query = { pass = "x" } }).status, 401)
    t.eq(#w:log("warn"), 1)
end)

t.case("answers", function(w)
    local answer = w:webhook("nothing")
    t.eq({ answer.status, answer.body }, { 204, "" })
    answer = w:webhook("text")
    t.eq({ answer.body, answer.headers["content-type"] }, { "plain", "text/plain; charset=utf-8" })
    answer = w:webhook("html")
    t.eq({ answer.headers["content-type"], answer.headers["x-n"] }, { "text/html", "5" })
    t.eq(w:webhook("bytes", { body = "\xff\0\x80" }).body, "\xff\0\x80")
    answer = w:webhook("list")
    t.eq({ answer.status, answer.body }, { 201, "[]" })
    answer = w:webhook("slow")
    t.eq({ answer.status, answer.body }, { 200, "late" })
end)

t.case("what is no answer is an error, told in the log alone", function(w)
    local why = {
        raises = "hunter2", no_status = "a status from 200 to 599 first, not text",
        low = "not 100", split = "no text of one line", length = "not the script's to set",
        odd = "must be text or a table", large = "larger than",
    }
    for name, text in pairs(why) do
        local answer = w:webhook(name)
        t.eq({ answer.status, answer.body }, { 500, "the script failed\n" }, name)
        local told = w:log("error")
        t.match(told[1].text, text)
        t.match(told[1].text, "webhook.lua:%d+")
    end
end)

t.case("30 seconds are the limit", function(w)
    local answer = w:webhook("stuck")
    t.eq({ answer.status, answer.body }, { 504, "the script took too long\n" })
    w:advance("1m")
    t.match(w:log("warn")[1].text, "webhook stuck %(webhook.lua:%d+%): no answer within 30 s")
end)

t.case("too large, and not to be", function(w)
    t.eq(w:webhook("text", { body = ("x"):rep(100) }).status, 200)
    t.eq(w:webhook("text", { body = ("x"):rep(101) }).status, 413)
    t.eq(w:webhook("open", { method = "DELETE" }).headers.allow, "GET, POST")
    t.raises(function() w:webhook("nowhere") end, "no script has a web hook 'nowhere'")
end)

t.case("each call sends anew", function(w)
    local room = w:room{ members = { "@alice:test" }, alias = "ops" }
    for _ = 1, 3 do t.eq(w:webhook("sends").status, 202) end
    t.eq(#room:sent(), 3)
    t.ok(w:reload())
    t.eq(w:webhook("sends").status, 202)
    w:restart()
    t.eq(w:webhook("sends").status, 202)
    t.eq(#room:sent(), 5)
end)

t.case("mistakes are told while the script loads", function(w)
    local mistakes = {
        ['bot:webhook("a", {}, print)'] = "say who may call it",
        ['bot:webhook("a", { verify = "github2" }, print)'] = "verify can be",
        ['bot:webhook("a/b", { verify = false }, print)'] = "the name is part of an address",
        ['bot:webhook("a", { verify = false, method = "CONNECT" }, print)'] = "method can be",
        ['bot:webhook("a", { verify = false, secret = "x" }, print)'] = "secret goes with",
        ['bot:webhook("a", { verify = "github", header = "x" }, print)'] = "header goes with",
        ['bot:webhook("a", { verify = false, max_bytes = 1 << 30 }, print)'] = "max_bytes",
        ['bot:webhook("a", { verfy = false }, print)'] = "did you mean 'verify'",
    }
    for source, why in pairs(mistakes) do
        local ok, report = w:reload(source)
        t.ok(not ok, source)
        t.match(report, why)
        w:log("error")
    end
    local twice = 'bot:webhook("a", { verify = false }, print) '
    t.match(select(2, w:reload(twice .. twice)), "a webhook 'a' already")
    w:log("error")
end)

t.case("a secret is not in the log, and a token not in the request", function(w)
    for verify, shown in pairs{ token = "none", gitlab = "none", ["hmac-sha256"] = "sha256=" } do
        t.ok(w:reload(('bot:webhook("a", { verify = "%s", secret = "open sesame" }, function(req) '
            .. 'matrix.log.info("open sesame") return 200, req.headers.authorization '
            .. 'or req.headers["x-gitlab-token"] or req.headers["x-signature-256"] or "none" end)')
            :format(verify)))
        t.match(w:webhook("a").body, "^" .. shown)
    end
    for _, line in ipairs(w:log("info")) do t.ok(not line.text:find("sesame"), line.text) end
end)

t.case("a cancelled one is gone", function(w)
    t.ok(w:reload('local h = bot:webhook("a", { verify = false }, function() end) '
        .. 'bot:webhook("b", { verify = false }, function() h:cancel() end)'))
    t.eq(w:webhook("a").status, 204)
    t.eq(w:webhook("b").status, 204)
    t.raises(function() w:webhook("a") end, "no script has a web hook 'a'")
end)
