-- Tells a room about pushes. GitHub signs each call with the secret; the
-- signature was checked before this runs.
--
--     github = {
--         file = "scripts/github.lua",
--         secrets = { github = { file = "github-hook" } },
--         config = { room = "#ops:example.org" },
--     },

bot:webhook("github", { verify = "github", secret = bot.secrets.github }, function(req)
    if req.headers["x-github-event"] ~= "push" then return 202, "ignored" end
    local push = assert(req:json())
    local lines = {
        ("**%s** pushed %d commit(s) to `%s`"):format(
            push.pusher.name, #push.commits, push.repository.full_name),
    }
    for i = 1, math.min(#push.commits, 5) do
        local commit = push.commits[i]
        lines[#lines + 1] = ("- [`%s`](%s) %s"):format(
            commit.id:sub(1, 7), commit.url, commit.message:match("[^\n]*"))
    end
    assert(bot:room(bot.config.room):notice{ markdown = table.concat(lines, "\n") })
end)
