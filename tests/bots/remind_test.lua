local t = require "matrix.test"
t.script "../../scripts/remind.lua"

local ALICE = "@alice:test"

t.case("a reminder comes once, as a reply that mentions who asked", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!remind 10m tea and cake")
    t.eq(room:last().body, "ok, #1 in 10m")
    w:advance("9m59s")
    t.eq(#room:sent(), 1)
    w:advance("1s")
    t.eq(#room:sent(), 2)
    local reminder = room:last()
    t.eq(reminder.body, "tea and cake")
    t.eq(reminder.content.msgtype, "m.text")
    t.eq(reminder.content["m.relates_to"], room:sent()[1].content["m.relates_to"])
    t.ok(reminder.content["m.relates_to"]["m.in_reply_to"].event_id)
    t.eq(reminder.content["m.mentions"].user_ids, { ALICE })
    w:advance("2d")
    t.eq(#room:sent(), 2)
end)

t.case("a reload keeps it", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!remind 10m tea")
    t.ok(w:reload())
    w:advance("10m")
    t.eq(room:last().body, "tea")
    t.eq(#room:sent(), 2)
end)

t.case("so do a restart and a crash, however long they take", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!remind 10m tea")
    w:restart()
    w:advance("5m")
    w:restart{ crash = true }
    w:advance("5m")
    t.eq(room:last().body, "tea")
    t.eq(#room:sent(), 2)
    w:restart{ crash = true }
    w:advance("10m")
    t.eq(#room:sent(), 2)
end)

t.case("a send whose answer is lost is not made twice", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!remind 10m tea")
    w:drop_next("send")
    w:advance("10m")
    w:restart{ crash = true }
    w:advance("1m")
    t.eq(room:last().body, "tea")
    t.eq(#room:sent(), 2)
end)

t.case("the one due first comes first", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!remind 10m second")
    room:say(ALICE, "!remind 5m first")
    w:advance("10m")
    local sent = room:sent()
    t.eq({ sent[3].body, sent[4].body }, { "first", "second" })
end)
