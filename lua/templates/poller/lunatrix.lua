-- Checked by `lunatrix check`; holds no secrets, so keep it with the code.
return {
    accounts = {
        -- Who may invite the bot, and use commands with admin = true.
        main = { admins = { "@me:example.org" }, autojoin = "admins" },
    },
    scripts = {
        mybot = {
            file = "main.lua",
            config = { url = "https://example.org/", room = "#news:example.org" },
        },
    },
}
