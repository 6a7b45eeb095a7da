-- Logging in, tokens, profiles, what a server says of itself.
local s = require "suite"

s.case("login", function()
    local nobody = s.stranger()
    local alice = s.person("alice")
    local function login(step, body)
        return nobody:check(step, "POST", "/login", { body = body })
    end
    local id = { type = "m.id.user", user = alice.localpart }
    login("wrong password", { type = "m.login.password", identifier = id, password = "x" })
    login("unknown user", { type = "m.login.password", password = "x",
        identifier = { type = "m.id.user", user = "nobody-at-all" } })
    login("unknown type", { type = "m.login.unheard", identifier = id })
    login("no type", { identifier = id, password = alice.password })
    nobody:check("flows", "GET", "/login", {})
    local body = nobody:must("POST", "/login", { type = "m.login.password", identifier = id,
        password = alice.password, device_id = "MYDEVICE" })
    s.note("login gives", body.user_id == alice.user_id, body.device_id, type(body.access_token))
    local other = s.stranger()
    other.client = matrix.client{ homeserver = s.url, user_id = body.user_id,
        access_token = body.access_token, device_id = body.device_id }
    other:check("whoami", "GET", "/account/whoami", { show = { "user_id", "device_id" } })
    other:check("devices", "GET", "/devices/MYDEVICE", { show = { "device_id" } })
    other:check("logout", "POST", "/logout", { body = {} })
    other:check("whoami after logout", "GET", "/account/whoami")
    alice:check("whoami", "GET", "/account/whoami", { show = { "user_id", "device_id" } })
    alice:check("a device that is not there", "GET", "/devices/MYDEVICE")
    alice:check("logout everywhere", "POST", "/logout/all", { body = {} })
    alice:check("whoami after that", "GET", "/account/whoami")
end)

s.case("register", function()
    local nobody = s.stranger()
    local body = nobody:check("without auth", "POST", "/register",
        { body = { username = "someone-new", password = "a long one" } })
    s.note("flows", #body.flows, body.flows[1].stages)
    local alice = s.person("alice")
    nobody:check("a name that is taken", "POST", "/register", { body = {
        username = alice.localpart, password = "x y z", auth = { type = "m.login.dummy" } } })
    nobody:check("a bad name", "POST", "/register", { body = {
        username = "No Such Name!", password = "x y z", auth = { type = "m.login.dummy" } } })
end)

s.case("tokens", function()
    local nobody = s.stranger()
    nobody:check("without a token", "GET", "/account/whoami")
    nobody:check("sync without a token", "GET", "/sync")
    nobody.client = matrix.client{ homeserver = s.url, user_id = "@a:b", access_token = "nonsense",
        device_id = "X" }
    local body = nobody:check("with a wrong token", "GET", "/account/whoami")
    s.note("soft logout", body.soft_logout or false)
end)

s.case("unknown endpoints", function()
    local alice = s.person("alice")
    alice:check("no such path", "GET", "/no/such/thing")
    alice:check("no such method", "DELETE", "/account/whoami")
    alice:check("versions", "GET", "/_matrix/client/versions")
    alice:check("capabilities", "GET", "/capabilities")
end)

s.case("profiles", function()
    local alice, bob = s.person("alice"), s.person("bob")
    local mine = s.path("/profile/%s/displayname", alice.user_id)
    alice:check("set a name", "PUT", mine, { body = { displayname = "Alice L." } })
    bob:check("read it", "GET", s.path("/profile/%s", alice.user_id), { show = { "displayname" } })
    bob:check("read the field", "GET", mine, { show = { "displayname" } })
    bob:check("of somebody else", "PUT", mine, { body = { displayname = "Mallory" } })
    bob:check("of nobody", "GET", s.path("/profile/%s",
        "@nobody-here:" .. alice.user_id:match(":(.+)$")))
    local room_id = alice:room_with({ bob })
    local since = bob:sync().next_batch
    alice:must("PUT", mine, { displayname = "Alice M." })
    local body = bob:sync_until(since, function(b)
        return b.rooms and b.rooms.join and b.rooms.join[room_id]
    end)
    s.note("others see it", s.events(body.rooms.join[room_id].timeline.events))
end)
