-- Hello: the primitives, without a bot: log in, send, and answer "ping".
-- lunatrix exec hello.lua ROOM_ID [HOMESERVER]; password in secrets/hello beside this file
local room_id = assert(arg[1], "usage: lunatrix exec hello.lua ROOM_ID [HOMESERVER]")
local homeserver = arg[2] or "https://example.org"

local client = matrix.client{ homeserver = homeserver }
local login = assert(client:login{ user = "hellobot", password = assert(matrix.secret("hello")) })
print("device", login.device_id, "token of", #login.access_token, "bytes")

local hello = { msgtype = "m.text", body = "hello from Lua" }
print("sent", assert(client:send(room_id, "m.room.message", hello, { txn_id = "hello-1" })))

local filter = { room = { rooms = { room_id }, timeline = { types = { "m.room.message" } } } }
for batch in client:sync{ timeout = 30, filter = filter } do
    for ev in batch:events() do
        if not batch.initial and ev.content.body == "ping" then
            local pong = { msgtype = "m.notice", body = "pong" }
            assert(client:send(room_id, "m.room.message", pong))
        end
    end
end
print("over:", client.error)
