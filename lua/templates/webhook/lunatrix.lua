-- Checked by `lunatrix check`; holds no secrets, so keep it with the code.
return {
    accounts = {
        -- Who may invite the bot, and use commands with admin = true.
        main = { admins = { "@me:example.org" }, autojoin = "admins" },
    },
    scripts = {
        mybot = {
            file = "main.lua",
            config = { room = "#ops:example.org" },
            -- In secrets/hook-token beside this file, readable by you only.
            secrets = { token = { file = "hook-token" } },
        },
    },
    -- Plain HTTP: let a reverse proxy with TLS pass on https://bots.example.org/hook/.
    listen = { address = "127.0.0.1:9008", public_url = "https://bots.example.org" },
}
