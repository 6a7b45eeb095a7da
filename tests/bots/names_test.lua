-- Short names that the library decides.
local t = require "matrix.test"
t.script("names.lua")

local ALICE = "@alice:test"

-- What the bot answered to a message.
local function answers(room, body, content)
    local before = #room:sent()
    room:say(ALICE, body, content)
    local out = {}
    for i, sent in ipairs(room:sent()) do
        if i > before then out[#out + 1] = sent.body end
    end
    return table.concat(out, " ")
end

t.case("mention and dm are messages that are meant for the bot", function(w)
    local room = w:room{ members = { ALICE } }
    local direct = w:room{ members = { ALICE }, direct = true }
    local me = { ["m.mentions"] = { user_ids = { w.user_id } } }
    t.eq(answers(room, "hi"), "message")
    t.eq(answers(room, "hi bot", me), "message mention")
    t.eq(answers(direct, "hi"), "message dm")
    t.match(answers(room, "!link", me), "^https")
end)

t.case("unreaction is the redaction of a reaction, once", function(w)
    local room = w:room{ members = { ALICE } }
    local target = room:say(ALICE, "hi")
    local other = room:say(ALICE, "ho")
    local vote = room:react(ALICE, target, "+")
    local before = #room:sent()
    room:redact(ALICE, other)
    t.eq(#room:sent(), before)
    w:restart()
    room:redact(ALICE, vote)
    t.eq(room:last().body, "+ " .. target)
    t.eq(#room:sent(), before + 1)
    room:redact(ALICE, vote)
    t.eq(#room:sent(), before + 1)
end)

t.case("a permalink leads to the event", function(w)
    local room = w:room{ members = { ALICE } }
    local id = room:say(ALICE, "!link")
    local link = room:last().body
    local escapes = { ["!"] = "%21", [":"] = "%3A", ["$"] = "%24" }
    local encoded = (room.room_id .. "/" .. id):gsub("[!:$]", escapes)
    t.eq(link, "https://matrix.to/#/" .. encoded .. "?via=test")
end)
