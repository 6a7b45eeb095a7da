local t = require "matrix.test"
local secrets = { github = "It's a Secret to Everybody" }
t.script("../../scripts/github.lua", { config = { room = "#ops:test" }, secrets = secrets })

local function push(count)
    local commits = {}
    for i = 1, count do
        commits[i] = { id = ("%040d"):format(i), url = "https://x.test/" .. i,
            message = "fix " .. i .. "\n\nlong story" }
    end
    return { pusher = { name = "ann" }, repository = { full_name = "ann/tool" },
        commits = commits }
end

local HEADERS = { ["X-GitHub-Event"] = "push" }

t.case("a push is told, five commits at most", function(w)
    local room = w:room{ members = { "@alice:test" }, alias = "ops" }
    local answer = w:webhook("github", { json = push(7), headers = HEADERS })
    t.eq(answer.status, 204)
    t.eq(answer.body, "")
    local said = room:last()
    t.match(said.body, "^ann pushed 7 commit")
    t.match(said.content.formatted_body, '<a href="https://x.test/5">')
    t.ok(not said.body:find("x.test/6", 1, true))
    t.ok(not said.body:find("long story", 1, true))
end)

t.case("other events are taken and ignored", function(w)
    local room = w:room{ members = { "@alice:test" }, alias = "ops" }
    local answer = w:webhook("github", { json = { zen = "x" },
        headers = { ["x-github-event"] = "ping" } })
    t.eq({ answer.status, answer.body }, { 202, "ignored" })
    t.eq(answer.headers["content-type"], "text/plain; charset=utf-8")
    t.eq(#room:sent(), 0)
end)

-- GitHub's own example.
t.case("the signature is GitHub's", function(w)
    local good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    t.eq(w:webhook("github", { body = "Hello, World!",
        headers = { ["X-Hub-Signature-256"] = good } }).status, 202)
end)

t.case("a wrong signature is refused before the script runs", function(w)
    local room = w:room{ members = { "@alice:test" }, alias = "ops" }
    for _, wrong in ipairs({ "", "sha256=", "sha256=00", "sha256=" .. ("0"):rep(64),
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" }) do
        local answer = w:webhook("github", { json = push(1), headers = {
            ["x-github-event"] = "push", ["x-hub-signature-256"] = wrong,
        } })
        t.eq(answer.status, 401, wrong)
    end
    t.eq(#room:sent(), 0)
    local told = w:log("warn")
    t.eq(#told, 1)
    t.match(told[1].text, "webhook github: a request without the right signature")
end)

t.case("another method, a body that is no push", function(w)
    local answer = w:webhook("github", { method = "GET" })
    t.eq({ answer.status, answer.headers.allow }, { 405, "POST" })
    answer = w:webhook("github", { body = "{", headers = HEADERS })
    t.eq({ answer.status, answer.body }, { 500, "the script failed\n" })
    t.match(w:log("error")[1].text, "github.lua")
end)
