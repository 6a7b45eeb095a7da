-- Web hooks of every kind, for webhook_test.lua.

local secret = bot.secrets.key

local function echo(req)
    return 200, { method = req.method, path = req.path, query = req.query, body = req.body }
end

bot:webhook("open", { verify = false, method = { "GET", "POST" } }, echo)
bot:webhook("lab", { verify = "gitlab", secret = secret }, echo)
bot:webhook("hmac", { verify = "hmac-sha256", secret = secret }, echo)
bot:webhook("gitea", { verify = "hmac-sha256", header = "X-Gitea-Signature", secret = secret },
    echo)
bot:webhook("token", { verify = "token", secret = secret, method = "PUT" }, echo)
bot:webhook("key", { verify = "token", header = "X-Api-Key", secret = secret }, echo)

bot:webhook("own", { verify = function(req)
    matrix.sleep("1s")
    return req.query.pass == "open sesame"
end }, echo)

local answers = {
    nothing = function() end,
    text = function() return 200, "plain" end,
    html = function() return 200, "<b>", { ["Content-Type"] = "text/html", ["x-n"] = 5 } end,
    bytes = function(req)
        return 200, req.body, { ["content-type"] = "application/octet-stream" }
    end,
    list = function() return 201, matrix.array{} end,
    slow = function()
        matrix.sleep("20s")
        return 200, "late"
    end,
    stuck = function() matrix.sleep("10m") end,
    raises = function() error("the database password is hunter2") end,
    no_status = function() return "text" end,
    low = function() return 100 end,
    split = function() return 200, "", { ["x-a"] = "1\r\nset-cookie: evil=1" } end,
    length = function() return 200, "", { ["Content-Length"] = "5" } end,
    odd = function() return 200, print end,
    large = function() return 200, ("x"):rep(1 << 21) end,
    sends = function()
        assert(bot:room(bot.config.room):send("called"))
        return 202
    end,
}

for name, fn in pairs(answers) do
    bot:webhook(name, { verify = false, max_bytes = 100 }, fn)
end
