"""Reload, restart, dead servers and dead tokens: nothing lost or doubled."""

import signal
import time

from e2e.cases import case
from e2e.chat import Answers
from e2e.test_chat import ECHO
from fakes.homeserver import CANARY


def versioned(version):
    """An echo that says its version."""
    return f"""
bot:on("message", function(ev)
    assert(ev:reply("v{version} " .. ev.body))
end)
"""


BROKEN = ("bot:on(", "error('broken on purpose')", "local x = nil + 1")


@case("reload_under_load")
def reload_under_load(rig):
    """Saves, good and broken, while people talk: each answered once."""
    rig.login()
    chat = rig.chat(versioned(0))
    said = []
    for version in range(1, 7):
        for number in range(5):
            said.append(chat.say(f"{version}.{number}"))
        if version % 3 == 0:
            rig.script(BROKEN[version // 3 % 3])
            status, out, err = rig.command("reload")
            assert status == 65, (status, out, err)
            assert "echo.lua" in out + err, out + err
        else:
            rig.script(versioned(version))
            status, out, err = rig.command("reload")
            assert status == 0, (status, out, err)
            assert chat.ask("who?").startswith(f"v{version} ")
        for number in range(5):
            said.append(chat.say(f"{version}.{number + 5}"))
    chat.answer(chat.say("last"))
    chat.assert_each_once(said)
    chat.process.stop()


@case("reload_by_hangup", servers=("fake",))
def reload_by_hangup(rig):
    """SIGHUP reloads what changed; a broken file changes nothing."""
    chat = rig.chat(versioned(0))
    rig.script(versioned(1))
    chat.process.signal(signal.SIGHUP)
    rig.until(lambda: chat.ask("?") == "v1 ?", "the new code")
    rig.script(BROKEN[0])
    chat.process.signal(signal.SIGHUP)
    chat.process.until_logged("did not load")
    assert chat.ask("?") == "v1 ?"
    chat.process.stop()


@case("reload_check_only")
def reload_check_only(rig):
    """--check-only loads and throws away; old handlers end on old code."""
    chat = rig.chat("""
bot:on("message", function(ev)
    if ev.body == "wait" then
        ev:reply("waiting")
        matrix.sleep(1.5)
        ev:reply("old to the end")
    else
        ev:reply("old")
    end
end)
""")
    rig.script(versioned(1))
    status, _, err = rig.command("reload", "--check-only")
    assert status == 0, err
    assert chat.ask("?") == "old"
    waiting = chat.say("wait")
    chat.answer(waiting)
    status, _, err = rig.command("reload")
    assert status == 0, err
    assert chat.ask("?") == "v1 ?"
    chat.until(lambda t: [e for e in chat.replies(waiting, t)
                          if e["content"]["body"] == "old to the end"],
               "the old handler's end")
    chat.process.stop()


@case("reload_carries_memory")
def reload_carries_memory(rig):
    """bot.memory, a snapshot and the store survive a reload."""
    def source(version):
        return f"""
local seen
bot.version = {version}
bot:on("snapshot", function() return {{ version = {version} }} end)
bot:on("load", function(ctx)
    seen = ctx.previous and ctx.previous.version or "none"
end)
bot:on("message", function(ev)
    bot.memory.count = (bot.memory.count or 0) + 1
    local total = bot.store:update("total", function(n) return (n or 0) + 1 end)
    ev:reply(("%s %d %d"):format(seen, bot.memory.count, total))
end)
"""
    chat = rig.chat(source(1))
    assert chat.ask("?") == "none 1 1"
    rig.script(source(2))
    status, _, err = rig.command("reload")
    assert status == 0, err
    assert chat.ask("?") == "1 2 2"
    chat.process.stop()
    chat.process = rig.run()
    assert chat.ask("?") == "none 1 3"
    chat.process.stop()


@case("restart")
def restart(rig):
    """Stopped, spoken to, started: each message answered once."""
    chat = rig.chat(ECHO, rooms=2)
    said = {room: [] for room in chat.rooms}
    for turn in range(3):
        for number in range(4):
            for room in chat.rooms:
                said[room].append(chat.say(f"{turn}.{number}", room))
        if turn == 1:
            chat.process.kill()
        else:
            chat.process.stop()
        for room in chat.rooms:
            said[room].append(chat.say(f"{turn} while away", room))
        chat.process = rig.run()
    for room in chat.rooms:
        chat.answer(chat.say("last", room), room)
        for event_id in said[room]:
            chat.answer(event_id, room)
        chat.assert_each_once(said[room], room)
    chat.process.stop()


@case("old_messages", servers=("fake",))
def old_messages(rig):
    """What is older than catch_up when the bot comes back is not answered."""
    chat = rig.chat(ECHO, catch_up="10m")
    chat.answer(chat.say("hello"))
    chat.process.stop()

    def said_ago(minutes):
        return rig.server.inject(
            chat.room, chat.alice.user_id, "m.room.message",
            {"msgtype": "m.text", "body": f"{minutes} minutes ago"},
            at=time.time() - 60 * minutes)
    old, recent = said_ago(11), said_ago(9)
    chat.process = rig.run()
    chat.answer(recent)
    chat.answer(chat.say("now"))
    assert not chat.replies(old, chat.alice.timeline(chat.room))
    chat.process.stop()


@case("server_dies_and_comes_back", own_server=True, timeout=180)
def server_dies(rig):
    """Killed and started again: the bot goes on, and nothing is doubled."""
    chat = rig.chat(ECHO)
    said = [chat.say(f"before {n}") for n in range(5)]
    chat.answer(said[-1])
    for _ in range(2):
        said.append(chat.say("just before"))
        rig.server.die()
        rig.server.come_back()
        said.append(chat.say("just after"))
        chat.answer(said[-1], timeout=90)
    for event_id in said:
        chat.answer(event_id, timeout=90)
    chat.assert_each_once(said)
    # And started while the server is away.
    chat.process.stop()
    rig.server.die()
    process = rig.start("run", "--no-watch")
    rig.until(lambda: len(process.log()) > 0, "a word about it")
    rig.server.come_back()
    process.until_ready(90)
    assert chat.ask("and now?") == "and now?"
    process.stop()


@case("revoked_token")
def revoked_token(rig):
    """A token that the server takes back ends the bot with 77, no loop."""
    chat = rig.chat(ECHO)
    assert chat.ask("alive") == "alive"
    if rig.server.kind == "fake":
        rig.server.revoke(rig.user_id)
    else:
        # What somebody does who presses "sign out everywhere".
        from fakes.client import Client
        password = (rig.path / "password").read_text().strip()
        other = Client(rig.server.url, rig.user_id).login(password)
        other.request("POST", "/logout/all", {})
    assert chat.process.wait(60) == 77, chat.process.log()
    again = rig.start("run")
    assert again.wait(60) not in (0, None) and "login" in again.log()
    if rig.server.kind == "fake":
        refused = [s for s in rig.server.ledger.requests
                   if s.status == 401]
        assert len(refused) < 20, refused


# --- login states, against the fake ---


@case("refresh", servers=("fake",))
def refresh(rig):
    """An access token that ends is refreshed, in silence."""
    rig.server.token_lifetime_ms = 600000
    chat = rig.chat(ECHO)
    said = []
    for turn in range(5):
        said.append(chat.say(f"{turn} before"))
        rig.server.expire(rig.user_id)
        said.append(chat.say(f"{turn} after"))
        chat.answer(said[-1])
    for event_id in said:
        chat.answer(event_id)
    chat.assert_each_once(said)
    assert rig.server.ledger.count("refresh") == 5
    chat.process.stop()


@case("refresh_with_a_crash_at_each_step", servers=("fake",), timeout=240)
def refresh_crash(rig):
    """Killed as the refresh is asked, answered, and used: still logged in."""
    rig.server.token_lifetime_ms = 600000
    chat = rig.chat(ECHO)
    said = []

    def at(op, cut):
        """Kill the bot when it sends OP; CUT says if the server acts."""
        hit = []

        def when(_):
            chat.process.popen.kill()
            hit.append(1)
            return True
        rig.server.cut(op, cut, when=when)
        return hit
    for op, cut in (("refresh", "before"), ("refresh", "after"),
                    ("sync", "before"), ("sync", "after")):
        said.append(chat.say(f"{op} {cut}"))
        chat.answer(said[-1])
        if op == "refresh":
            hit = at(op, cut)
            rig.server.expire(rig.user_id)
        else:
            # The first sync after the refresh is the new token's first use.
            refreshed = rig.server.ledger.count("refresh")
            hit = []

            def when(_, hit=hit, refreshed=refreshed):
                if rig.server.ledger.count("refresh") == refreshed:
                    return False
                chat.process.popen.kill()
                hit.append(1)
                return True
            rig.server.cut("sync", cut, when=when)
            rig.server.expire(rig.user_id)
        rig.until(lambda hit=hit: hit, "the kill")
        chat.process.popen.wait()
        chat.process = rig.run()
        said.append(chat.say(f"{op} {cut} over"))
        chat.answer(said[-1])
    chat.assert_each_once(said)
    chat.process.stop()


@case("refresh_refused", servers=("fake",))
def refresh_refused(rig):
    """A refresh token that is dead too: 77, and the device goes."""
    rig.server.token_lifetime_ms = 600000
    chat = rig.chat(ECHO)
    assert chat.ask("alive") == "alive"
    rig.server.fail("refresh", 401, {
        "errcode": "M_UNKNOWN_TOKEN", "error": "gone",
        "soft_logout": False}, times=None)
    rig.server.expire(rig.user_id)
    assert chat.process.wait(60) == 77
    assert rig.server.ledger.count("refresh") < 5


@case("soft_logout_keeps_the_device", servers=("fake",))
def soft_logout(rig):
    """soft_logout: true ends with 77; a new login has the same device."""
    chat = rig.chat(ECHO)
    said = chat.say("before")
    chat.answer(said)
    devices = set(rig.server.users[rig.user_id].devices)
    rig.server.fail("refresh", 401, {
        "errcode": "M_UNKNOWN_TOKEN", "error": "gone",
        "soft_logout": True}, times=None)
    rig.server.revoke(rig.user_id, soft=True)
    assert chat.process.wait(60) == 77
    missed = chat.say("while away")
    status, out, err = rig.log_in()
    assert status == 0, out + err
    assert set(rig.server.users[rig.user_id].devices) == devices
    chat.process = rig.run()
    chat.answer(missed)
    chat.assert_each_once([said, missed])
    chat.process.stop()


@case("hard_logout_makes_a_new_device", servers=("fake",))
def hard_logout(rig):
    """soft_logout: false: the next login is another device."""
    chat = rig.chat(ECHO)
    assert chat.ask("alive") == "alive"
    devices = set(rig.server.users[rig.user_id].devices)
    rig.server.revoke(rig.user_id)
    assert chat.process.wait(60) == 77
    status, out, err = rig.log_in()
    assert status == 0, out + err
    assert set(rig.server.users[rig.user_id].devices) != devices
    chat.process = rig.run()
    assert chat.ask("back") == "back"
    chat.process.stop()


@case("locked_account_waits", servers=("fake",))
def locked_account(rig):
    """M_USER_LOCKED: keep everything, wait, go on when it is over."""
    chat = rig.chat(ECHO)
    assert chat.ask("alive") == "alive"
    lock = rig.server.fail(
        ("sync", "send", "whoami", "refresh"), 401,
        {"errcode": "M_USER_LOCKED", "error": "locked",
         "soft_logout": True}, times=None,
        when=lambda r: not r.headers.get("authorization", "").endswith(
            chat.alice.token))
    said = [rig.server.say(chat.alice.user_id, chat.room, "locked out")]
    # It woke the poll that was still open; what comes next meets the lock.
    rig.server.ledger.until(lambda: lock.hits, "a refused request")
    assert chat.process.running()
    lock.off()
    chat.answer(said[0], timeout=90)
    chat.assert_each_once(said)
    chat.process.stop()


@case("storm_of_401", servers=("fake",))
def storm(rig):
    """All at once refused while many sends wait: one refresh, none lost."""
    rig.server.token_lifetime_ms = 600000
    chat = rig.chat(ECHO, rooms=10)
    answers = Answers(rig.server.ledger, rig.user_id)
    gate = rig.server.stall("send", times=None, when=lambda r:
                            not r.headers["authorization"].endswith(
                                chat.alice.token))
    said = rig.server.inject_all([
        (room, chat.alice.user_id, "m.room.message",
         {"msgtype": "m.text", "body": str(n)})
        for n in range(5) for room in chat.rooms])
    rig.server.ledger.until(lambda: gate.hits >= 5, "sends in flight")
    rig.server.expire(rig.user_id)
    gate.release()
    answers.until_all(said)
    answers.assert_once(said)
    assert rig.server.ledger.count("refresh") == 1
    chat.process.stop()


@case("device_deleted_while_stopped", servers=("fake",))
def device_deleted(rig):
    """Found out at the start: 77 and a word about logging in again."""
    chat = rig.chat(ECHO)
    chat.process.stop()
    rig.server.revoke(rig.user_id)
    before = time.monotonic()
    process = rig.start("run")
    assert process.wait(60) == 77
    assert "login" in process.log(), process.log()
    refused = [s for s in rig.server.ledger.requests
               if s.at > before and s.status == 401]
    assert 1 <= len(refused) <= 5, refused
    assert CANARY not in process.log()


@case("stopped_at_a_slow_moment", servers=("fake",))
def stopped_slowly(rig):
    """A stop lets a running handler end, and takes a stalled poll with it."""
    chat = rig.chat("""
bot:on("message", function(ev)
    ev:reply("begun")
    matrix.sleep(1)
    ev:reply("ended")
end)
""")
    event_id = chat.say("go")
    chat.answer(event_id)
    chat.process.signal(signal.SIGTERM)
    assert chat.process.wait() == 0
    bodies = [e["content"]["body"] for e in
              chat.replies(event_id, chat.alice.timeline(chat.room))]
    assert bodies == ["begun", "ended"], bodies


@case("stopped_while_a_sync_is_stored", servers=("fake",))
def stopped_in_ingest(rig):
    """A stop gives up a huge response half-way; it comes again."""
    chat = rig.chat(ECHO)
    wal = rig.data("account.db-wal")
    before = wal.stat().st_size

    def swell(body):
        rooms = body.setdefault("rooms", {}).setdefault("join", {})
        rooms.setdefault(chat.room, {})["state"] = {"events": [
            {"type": f"m.room.x{number}", "state_key": "", "event_id": "$x",
             "sender": chat.alice.user_id, "origin_server_ts": 1,
             "content": {"text": "x" * 100}} for number in range(100000)]}
        return body
    rig.server.tamper(
        "sync", swell, when=lambda request: not request.headers.get(
            "authorization", "").endswith(chat.alice.token))
    rig.server.say(chat.alice.user_id, chat.room, "swell")
    rig.until(lambda: wal.stat().st_size > before + 1000000, "half of it")
    chat.process.stop()
    assert "Assertion" not in chat.process.log()
    rig.start("run").until_ready().stop()
