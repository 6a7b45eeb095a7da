-- An edited command runs again and edits its answers; a redacted one withdraws
-- them.
local t = require "matrix.test"
t.script("rerun.lua")

local ALICE, BOB = "@alice:test", "@bob:test"

local function bodies(room)
    local out = {}
    for i, message in ipairs(room:sent()) do out[i] = message.body end
    return out
end

-- Events of the bot in the room, edits and reactions too.
local function made(w, room)
    local n = 0
    for _, event in ipairs(room:events()) do
        if event.sender == w.user_id and not event.state_key then n = n + 1 end
    end
    return n
end

t.case("an edit edits the answer, again and again", function(w)
    local room = w:room{ members = { ALICE } }
    local call = room:say(ALICE, "!add 1 2")
    local answer = room:last().event_id
    t.eq(room:last().body, "3")
    room:edit(ALICE, call, "!add 1 3")
    t.eq(bodies(room), { "4" })
    t.eq(room:last().event_id, answer)
    t.eq(room:last().content.msgtype, "m.notice")
    t.eq(room:last().content["m.relates_to"], nil)
    room:edit(ALICE, call, "!add 1 many")
    t.eq(bodies(room), {
        "b must be a whole number, not 'many'\nusage: !add <a:int> <b:int>" })
    room:edit(ALICE, call, "!add 2 3")
    t.eq(bodies(room), { "5" })
    t.eq(made(w, room), 4)
end)

t.case("a bad call is put right by an edit", function(w)
    local room = w:room{ members = { ALICE } }
    local call = room:say(ALICE, "!add 1")
    t.match(room:last().body, "b is missing")
    room:edit(ALICE, call, "!add 1 1")
    t.eq(bodies(room), { "2" })
end)

t.case("more answers are sent, fewer are redacted", function(w)
    local room = w:room{ members = { ALICE } }
    local call = room:say(ALICE, "!count 1")
    t.eq(bodies(room), { "last of 1" })
    room:edit(ALICE, call, "!list 3")
    t.eq(bodies(room), { "1 of 3", "2 of 3", "last of 3" })
    room:edit(ALICE, call, "!count 2")
    t.eq(bodies(room), { "1 of 2", "last of 2" })
    room:edit(ALICE, call, "!count 0")
    t.eq(bodies(room), {})
    local reactions = {}
    for _, event in ipairs(room:events()) do
        local relates = event.type == "m.reaction" and event.content["m.relates_to"]
        if relates then reactions[#reactions + 1] = relates.key end
    end
    t.eq(reactions, { "few" })  -- the first was withdrawn by "many", and that by this one
end)

t.case("a redacted command withdraws its answers, and is over", function(w)
    local room = w:room{ members = { ALICE } }
    local call = room:say(ALICE, "!count 2")
    local other = room:say(ALICE, "!add 1 1")
    room:redact(ALICE, call)
    t.eq(bodies(room), { "2" })
    local n = made(w, room)
    room:edit(ALICE, call, "!count 1")
    t.eq(made(w, room), n)
    room:redact(ALICE, other)
    t.eq(bodies(room), {})
end)

t.case("what is no such command any more has no answer", function(w)
    local room = w:room{ members = { ALICE } }
    local call = room:say(ALICE, "!add 1 1")
    room:edit(ALICE, call, "never mind")
    t.eq(bodies(room), {})
    room:edit(ALICE, call, "!plain x")
    t.eq(bodies(room), {})
    room:edit(ALICE, call, "!add 1 2")
    t.eq(bodies(room), { "3" })
end)

t.case("only the sender's edits of such commands count", function(w)
    local room = w:room{ members = { ALICE, BOB } }
    local call = room:say(ALICE, "!add 1 1")
    local plain = room:say(ALICE, "!plain a")
    local text = room:say(ALICE, "add 1 1")
    room:edit(BOB, call, "!add 5 5")
    room:edit(ALICE, plain, "!plain b")
    room:edit(ALICE, text, "!add 7 7")
    t.eq(bodies(room), { "2", "a" })
end)

t.case("it lasts over reload and restart, for a week", function(w)
    local room = w:room{ members = { ALICE } }
    local call = room:say(ALICE, "!add 1 1")
    t.ok(w:reload())
    room:edit(ALICE, call, "!add 1 2")
    t.eq(bodies(room), { "3" })
    w:restart()
    room:edit(ALICE, call, "!add 1 3")
    w:restart{ crash = true }
    t.eq(bodies(room), { "4" })
    w:advance("8d")
    room:edit(ALICE, call, "!add 1 4")
    t.eq(bodies(room), { "4" })
end)

t.case("a crash in the middle doubles nothing", function(w)
    local room = w:room{ members = { ALICE } }
    local call = room:say(ALICE, "!slow a")
    w:restart{ crash = true }
    t.eq(bodies(room), { "begin a" })
    w:advance("2m")
    t.eq(bodies(room), { "begin a", "end a" })
    room:edit(ALICE, call, "!slow b")
    t.eq(bodies(room), { "begin b", "end a" })
    w:restart{ crash = true }
    w:advance("2m")
    t.eq(bodies(room), { "begin b", "end b" })
end)

t.case("an edit waits for the run before it, over a crash too", function(w)
    local room = w:room{ members = { ALICE } }
    local call = room:say(ALICE, "!slow a")
    room:edit(ALICE, call, "!slow b")
    t.eq(bodies(room), { "begin a" })
    w:restart{ crash = true }
    w:advance("70s")
    t.eq(bodies(room), { "begin b", "end a" })
    room:redact(ALICE, call)
    w:advance("2m")
    t.eq(bodies(room), {})
end)

t.case("an edited answer pings those it did not ping", function(w)
    local room = w:room{ members = { ALICE, BOB } }
    local call = room:say(ALICE, "!hail @bob:test")
    room:edit(ALICE, call, "!hail @bob:test")
    room:edit(ALICE, call, "!hail @alice:test")
    local pinged = {}
    for _, event in ipairs(room:events()) do
        if event.sender == w.user_id and event.type == "m.room.message" then
            pinged[#pinged + 1] = event.content["m.mentions"].user_ids or {}
        end
    end
    t.eq(pinged, { { "@bob:test" }, {}, { "@alice:test" } })
    t.eq(room:last().body, "hail @alice:test")
end)

t.case("the edited message keeps its place", function(w)
    local room = w:room{ members = { ALICE } }
    local root = room:say(ALICE, "hello")
    local call = room:say(ALICE, "!about", { ["m.relates_to"] = { rel_type = "m.thread",
        event_id = root, ["m.in_reply_to"] = { event_id = root }, is_falling_back = false } })
    t.eq(room:last().body, ("%s !about %s"):format(root, root))
    room:edit(ALICE, call, "!about ")
    t.eq(bodies(room), { ("%s !about  %s"):format(root, root) })
    room:edit(ALICE, call, "!about " .. call)
    t.eq(bodies(room), { ("%s !about %s %s"):format(call, call, root) })
end)
