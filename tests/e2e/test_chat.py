"""What a bot does in rooms; each runs against the fake and a real Synapse."""

from e2e.cases import case
from e2e.chat import answers_to, edits

ECHO = """
bot:on("message", function(ev)
    ev:reply(ev.body)
end)
"""


@case("echo")
def echo(rig):
    """A reply is one m.notice, points at its cause, mentions its sender."""
    chat = rig.chat(ECHO)
    event_id = chat.say("hello <b>\"wörld\"</b> \U0001f600")
    reply = chat.answer(event_id)
    content = reply["content"]
    assert content["msgtype"] == "m.notice", content
    assert content["body"] == "hello <b>\"wörld\"</b> \U0001f600", content
    assert content["m.mentions"] == {"user_ids": [chat.alice.user_id]}, \
        content
    assert answers_to(reply) == event_id
    # Its own notices must not make it talk to itself.
    assert chat.ask("again") == "again"
    chat.assert_each_once([event_id])
    assert len(chat.from_bot(chat.alice.timeline(chat.room))) == 2
    chat.process.stop()


@case("not_answered")
def not_answered(rig):
    """Notices, edits and what was said before the start are left alone."""
    rig.login()
    alice = rig.server.user("early")
    room = alice.create_room([rig.user_id])
    alice.say(room, "before the bot came")
    chat = rig.chat(ECHO)
    rig.until(lambda: alice.members(room).get(rig.user_id) == "join",
              "the bot joins")
    first = chat.say("one")
    chat.answer(first)
    chat.alice.edit(chat.room, first, "two")
    chat.say("a notice", msgtype="m.notice")
    assert chat.ask("last") == "last"
    bodies = [e["content"]["body"]
              for e in chat.from_bot(chat.alice.timeline(chat.room))]
    assert bodies == ["one", "last"], bodies
    alice.say(room, "after")
    rig.until(lambda: [
        e for e in alice.messages(room, rig.user_id)], "an answer")
    bodies = [e["content"]["body"]
              for e in alice.messages(room, rig.user_id)]
    assert bodies == ["after"], bodies
    chat.process.stop()


HEAR = """
bot:hear("issue #(%d+) by (%w+)", function(ev, number, who)
    ev:reply{ markdown = ("**%s** of %s"):format(number, who) }
end)
bot:hear("^ping", { msgtype = "m.text" }, function(ev, all) ev:reply(all .. "!") end)
"""


@case("hear")
def hear(rig):
    """Captures follow the event; the answer is Markdown, in both forms."""
    chat = rig.chat(HEAR)
    content = chat.answer(chat.say("see issue #12 by bob"))["content"]
    assert content["body"] == "12 of bob", content
    assert content["formatted_body"] == "<strong>12</strong> of bob", content
    chat.say("issue #x by bob")
    assert chat.ask("ping me") == "ping!"
    assert len(chat.from_bot(chat.alice.timeline(chat.room))) == 2
    chat.process.stop()


COMMANDS = """
bot:command("add <a:int> [b:int=40] [why...]", "add numbers", function(ev, a)
    ev:reply(("%d %s"):format(a.a + a.b, a.why or "-"))
end)
bot:command("boom", "fail", function() error("on purpose") end)
bot:on("message", function(ev) ev:reply("said " .. ev.body) end)
"""


@case("command")
def command(rig):
    """Typed arguments, defaults, a usage line, help; a failure stays one."""
    chat = rig.chat(COMMANDS)
    assert chat.ask("!add 2") == "42 -"
    assert chat.ask("!add 2 3 to see it") == "5 to see it"
    wrong = chat.ask("!add two")
    assert "add <a:int>" in wrong, wrong
    assert "traceback" not in wrong, wrong
    assert "add numbers" in chat.ask("!help")
    chat.say("!boom")
    # The handler's error costs its event only.
    assert chat.ask("!add 1 1") == "2 -"
    assert chat.ask("plain") == "said plain"
    chat.process.stop()


@case("reaction")
def reaction(rig):
    """The bot reacts, and sees reactions with key and target."""
    chat = rig.chat("""
bot:on("message", function(ev) assert(ev:react("\\u{1F44D}")) end)
bot:on("reaction", function(ev)
    ev.room:send(("%s on %s"):format(ev.key, ev.target_id))
end)
""")
    event_id = chat.say("like me")
    mine = chat.until(lambda t: chat.from_bot(t, "m.reaction"),
                      "a reaction")[0]
    assert mine["content"]["m.relates_to"] == {
        "rel_type": "m.annotation", "event_id": event_id,
        "key": "\U0001f44d"}, mine
    chat.alice.react(chat.room, event_id, "\U0001f389")
    said = chat.until(chat.from_bot, "words about the reaction")
    assert said[0]["content"]["body"] == f"\U0001f389 on {event_id}"
    assert len(said) == 1       # its own reaction was not told to it
    chat.process.stop()


@case("edit")
def edit(rig):
    """The bot edits what it sent, and sees the edits of others."""
    chat = rig.chat("""
bot:on("message", function(ev)
    local sent = assert(ev:reply("draft"))
    assert(sent:edit("final"))
end)
bot:on("edit", function(ev)
    ev.room:send("now " .. ev.new_content.body .. " was " .. ev.target_id)
end)
""")
    event_id = chat.say("something")
    reply = chat.answer(event_id)
    change = chat.until(
        lambda t: [e for e in chat.from_bot(t) if edits(e)], "an edit")[0]
    assert edits(change) == reply["event_id"]
    assert change["content"]["m.new_content"]["body"] == "final"
    assert change["content"]["m.new_content"]["msgtype"] == "m.notice"
    chat.alice.edit(chat.room, event_id, "otherwise")
    chat.until(lambda t: [
        e for e in chat.from_bot(t)
        if e["content"]["body"] == f"now otherwise was {event_id}"],
        "words about the edit")
    chat.process.stop()


@case("redaction")
def redaction(rig):
    """The bot redacts what it sent, and sees the redactions of others."""
    chat = rig.chat("""
bot:on("message", function(ev)
    local sent = assert(ev:reply("gone in a moment"))
    assert(sent:redact("too late"))
end)
bot:on("redaction", function(ev)
    ev.room:send(("gone %s: %s"):format(ev.target_id, ev.reason))
end)
""")
    event_id = chat.say("something")
    gone = chat.until(
        lambda t: [e for e in t if e["sender"] == rig.user_id
                   and e["type"] == "m.room.redaction"], "a redaction")[0]
    assert gone["content"]["reason"] == "too late", gone
    empty = chat.until(
        lambda t: [e for e in t if e["sender"] == rig.user_id
                   and e["type"] == "m.room.message" and not e["content"]],
        "an emptied message")
    assert len(empty) == 1
    chat.alice.redact(chat.room, event_id, "regret")
    chat.until(lambda t: [
        e for e in chat.from_bot(t)
        if e["content"]["body"] == f"gone {event_id}: regret"],
        "words about the redaction")
    chat.process.stop()


@case("invite_by_script")
def invite_by_script(rig):
    """A script accepts an invite by itself, and sees who joins and leaves."""
    chat = rig.chat("""
bot:on("invite", function(ev)
    if ev.is_me then assert(ev.room:join()) end
end)
bot:on("join", function(ev) ev.room:send("hi " .. ev.user_id) end)
bot:on("leave", function(ev) ev.room:send("bye " .. ev.user_id) end)
""", rooms=0, autojoin="never")
    room = chat.new_room()
    bob = rig.server.user("bob")
    chat.alice.invite(room, bob.user_id)
    bob.join(room)
    chat.until(lambda t: [e for e in chat.from_bot(t)
                          if e["content"]["body"] == f"hi {bob.user_id}"],
               "a welcome", room)
    bob.leave(room)
    chat.until(lambda t: [e for e in chat.from_bot(t)
                          if e["content"]["body"] == f"bye {bob.user_id}"],
               "a farewell", room)
    chat.process.stop()


@case("invite_by_admins_only")
def invite_by_admins_only(rig):
    """autojoin = "admins": the invite of anybody else stays open."""
    rig.login()
    admin, other = rig.server.user("admin"), rig.server.user("other")
    ignored = other.create_room([rig.user_id])
    chat = rig.chat(ECHO, rooms=0, autojoin="admins",
                    admins=[admin.user_id])
    also_ignored = other.create_room([rig.user_id])
    accepted = admin.create_room([rig.user_id])
    rig.until(lambda: admin.members(accepted)[rig.user_id] == "join",
              "the admin's invite is accepted")
    for room in (ignored, also_ignored):
        assert other.members(room)[rig.user_id] == "invite"
    chat.process.stop()


@case("moderation")
def moderation(rig):
    """State, invite, kick, ban, and a refusal that comes back as nil, err."""
    chat = rig.chat("""
bot:command("topic <text...>", "set it", function(ev, a)
    assert(ev.room:set_state("m.room.topic", { topic = a.text }))
    ev:reply("done")
end)
bot:command("ask <who:user>", "invite", function(ev, a)
    assert(ev.room:invite(a.who)); ev:reply("done")
end)
bot:command("kick <who:user>", "kick", function(ev, a)
    local ok, err = ev.room:kick(a.who, "out")
    ev:reply(ok and "done" or ("%s %s"):format(err.kind, err.errcode))
end)
bot:on("kick", function(ev) ev.room:send("saw a kick: " .. ev.user_id) end)
bot:command("power <who:user>", "level", function(ev, a)
    ev:reply(("%s %s"):format(ev.room:power(a.who), ev.room:topic()))
end)
""")
    bob = rig.server.user("bob")
    bot = rig.user_id
    assert chat.ask(f"!kick {chat.alice.user_id}") == "matrix M_FORBIDDEN"
    # Alice made the room. Where that puts her above every level (room
    # version 12), the levels may not name her.
    levels = chat.alice.state(chat.room, "m.room.power_levels")
    levels["users"][bot] = 50
    chat.alice.set_state(chat.room, "m.room.power_levels", levels)
    assert chat.ask("!topic all is well") == "done"
    assert chat.ask(f"!ask {bob.user_id}") == "done"
    bob.join(chat.room)
    power = chat.ask(f"!power {bot}")
    assert power == "50 all is well", power
    assert chat.ask(f"!kick {bob.user_id}") == "done"
    assert chat.alice.members(chat.room)[bob.user_id] == "leave"
    chat.process.stop()


@case("rooms_in_order")
def rooms_in_order(rig):
    """In each of five rooms the answers stand in the order of the calls."""
    chat = rig.chat("""
bot:on("message", function(ev)
    assert(ev:reply("one " .. ev.body))
    assert(ev:reply("two " .. ev.body))
end)
""", rooms=5)
    count = 12
    for number in range(count):
        for room in chat.rooms:
            chat.say(str(number), room)
    for room in chat.rooms:
        chat.until(lambda t: len(chat.from_bot(t)) >= 2 * count,
                   "all answers", room)
        bodies = [e["content"]["body"]
                  for e in chat.from_bot(chat.alice.timeline(room))]
        wanted = [f"{word} {n}" for n in range(count)
                  for word in ("one", "two")]
        assert bodies == wanted, bodies
    chat.process.stop()


@case("encrypted_room")
def encrypted_room(rig):
    """Nothing goes out in clear into an encrypted room."""
    chat = rig.chat("""
bot:on("m.room.topic", function(ev)
    local sent, err = ev.room:send("in clear")
    bot.memory.kind = sent and "sent" or err.kind
end)
bot:on("message", function(ev) ev:reply(tostring(bot.memory.kind)) end)
""", rooms=2)
    secret = chat.rooms[1]
    chat.alice.set_state(secret, "m.room.encryption",
                         {"algorithm": "m.megolm.v1.aes-sha2"})
    chat.alice.set_state(secret, "m.room.topic", {"topic": "talk"})
    rig.until(lambda: chat.ask("well?") != "nil", "the handler ran")
    assert chat.ask("kind?") == "unsupported"
    assert not chat.from_bot(chat.alice.timeline(secret))
    chat.process.stop()
