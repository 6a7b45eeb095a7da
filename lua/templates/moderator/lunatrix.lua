-- Checked by `lunatrix check`; holds no secrets, so keep it with the code.
return {
    accounts = {
        main = {
            admins = { "@me:example.org" },      -- may invite the bot
            autojoin = "admins",
            admin_room = "#mods:example.org",    -- where the bot reports
        },
    },
    scripts = {
        mybot = { file = "main.lua", config = { words = { "casino", "forex" } } },
    },
}
