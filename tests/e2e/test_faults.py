"""Crashes, stops, limits and bad answers under load, judged by the ledger."""

import itertools
import signal
import time

from e2e.cases import case
from e2e.chat import Answers
from e2e.test_chat import ECHO
from e2e.test_life import BROKEN, versioned

BUSY = """
bot:on("message", function(ev)
    local sent = assert(ev:reply("got " .. ev.body))
    bot.store:update("count", function(n) return (n or 0) + 1 end)
    assert(sent:edit("kept " .. ev.body))
end)
"""
MIB = 1024 * 1024


def only_bot(chat):
    """A condition for faults: the request is not one of alice's."""
    return lambda request: not request.headers.get(
        "authorization", "").endswith(chat.alice.token)


def finish(rig, chat, answers, stream, edited=False):
    """All that was said is answered once, in order; then a clean stop."""
    said = [event_id for _, event_id in stream.said]
    answers.until_all(said, 180)
    last = [chat.say("last", room) for room in chat.rooms]
    answers.until_all(last)
    if edited:
        rig.server.ledger.until(
            lambda: len(answers.update().edits) >= len(said) + len(last),
            "an edit of each answer")
    chat.process.stop()
    answers.assert_once(said + last)
    answers.assert_in_order(stream.said)
    if edited:
        doubled = {e: n for e, n in answers.edits.items() if n != 1}
        assert not doubled, f"edited more than once: {doubled}"


def kill_rig(rig, kills, total):
    """KILL at random times while TOTAL messages come, 100 a second.

    In 20 rooms, so that no timeline is limited while the bot is away: gaps
    are not filled yet.
    """
    chat = rig.chat(BUSY, rooms=20)
    answers = Answers(rig.server.ledger, rig.user_id)
    stream = rig.stream(chat.alice.user_id, chat.rooms, 100, total)
    for left in range(kills, 0, -1):
        # Spread over what is left to say, so that the last ones hit too.
        rest = (total - len(stream.said)) / 100
        time.sleep(rig.random.uniform(0, 2 * max(rest, 0.5) / (left + 1)))
        chat.process.kill()
        since = time.monotonic()
        chat.process = rig.start("run", "--no-watch")
        rig.server.ledger.until(
            lambda since=since: rig.server.ledger.count("sync", since),
            chat.process.log, 60)
    stream.join(120)
    finish(rig, chat, answers, stream, edited=True)


# 50 kills and 20,000 messages, in four rigs that run side by side.
for number, build, kill_count in ((1, "release", 13), (2, "release", 13),
                                  (3, "release", 12), (4, "test", 12)):
    case(f"kill_under_load_{number}", servers=("fake",), timeout=420,
         build=build)(
             lambda rig, n=kill_count: kill_rig(rig, n, 5000))


@case("stop_under_load", servers=("fake",), timeout=240)
def stop_under_load(rig):
    """17 clean stops under load: each ends with 0, nothing lost, doubled."""
    chat = rig.chat(BUSY, rooms=10)
    answers = Answers(rig.server.ledger, rig.user_id)
    stream = rig.stream(chat.alice.user_id, chat.rooms, 50)
    for number in range(17):
        time.sleep(rig.random.uniform(0, 1))
        began = time.monotonic()
        chat.process.signal(signal.SIGTERM)
        if number % 4 == 3:
            # A second signal leaves at once, as safe as a crash.
            chat.process.signal(signal.SIGTERM)
            chat.process.wait()
        else:
            status = chat.process.wait()
            assert status == 0, (status, chat.process.log()[-2000:])
            assert time.monotonic() - began < 12
        chat.process = rig.run()
    stream.stop()
    finish(rig, chat, answers, stream, edited=True)


@case("thousand_reloads", servers=("fake",), build="release", timeout=480)
def thousand_reloads(rig):
    """Saved 1,000 times under load, every third broken: flat, none lost."""
    rig.login()
    chat = rig.chat(versioned(0), "--watch", rooms=3, limits={"drain": "5s"})
    answers = Answers(rig.server.ledger, rig.user_id)
    stream = rig.stream(chat.alice.user_id, chat.rooms, 100)
    newest, read, refused, memory = 0, 0, 0, {}

    def answered():
        """Has code that is at least this new answered something?"""
        nonlocal newest, read
        sends = rig.server.ledger.sends
        while read < len(sends):
            body = sends[read].content.get("body", "")
            if body.startswith("v"):
                newest = max(newest, int(body[1:body.index(" ")]))
            read += 1
        return newest

    for version in range(1, 1001):
        if version % 3 == 0:
            refused += 1
            rig.script(BROKEN[refused % 3] + f" -- {version}\n")
            chat.process.until_logged("did not load", refused)
        else:
            rig.script(versioned(version))
            rig.server.ledger.until(
                lambda wanted=version: answered() >= wanted,
                lambda wanted=version: f"an answer of version {wanted}\n"
                + chat.process.log()[-2000:])
        if version % 50 == 0:
            memory[version] = chat.process.rss()
            files = chat.process.open_files()
    print("RSS in KiB:", {v: m // 1024 for v, m in memory.items()})
    stream.stop()
    assert files < 40, f"{files} open files"
    finish(rig, chat, answers, stream)
    grown = memory[1000] - memory[200]
    assert grown <= 2 * MIB, f"grew by {grown / MIB:.1f} MiB: {memory}"


@case("rate_limited_in_three_forms", servers=("fake",), timeout=180)
def rate_limited(rig):
    """429 with seconds, date or milliseconds: waited out, order kept."""
    chat = rig.chat(ECHO, rooms=2)
    answers = Answers(rig.server.ledger, rig.user_id)
    ledger = rig.server.ledger
    mine = only_bot(chat)

    def date(seconds):
        return time.strftime("%a, %d %b %Y %H:%M:%S GMT",
                             time.gmtime(time.time() + seconds))
    limit = {"errcode": "M_LIMIT_EXCEEDED", "error": "slow down"}
    forms = [
        # (least wait in seconds, headers, body)
        (2, {"Retry-After": "2"}, limit),
        (1, {"Retry-After": lambda: date(3)}, limit),
        (1.5, {}, {**limit, "retry_after_ms": 1500}),
        (2, {"Retry-After": "2"}, {**limit, "retry_after_ms": 1}),
        # Past, absurd and broken values: retried, neither at once for
        # ever nor never.
        (0, {"Retry-After": date(-100)}, limit),
        (0, {"Retry-After": "0"}, limit),
        (0, {"Retry-After": "soon"}, limit),
        (0, {"Retry-After": "-5"}, {**limit, "retry_after_ms": -7}),
        (0, {}, {**limit, "retry_after_ms": "many"}),
        (0, {}, limit),
    ]
    said = []
    for wait, headers, body in forms:
        headers = {name: value() if callable(value) else value
                   for name, value in headers.items()}
        fault = rig.server.fail("send", 429, body, headers, times=1,
                                when=mine)
        for room in chat.rooms:
            for number in range(3):
                said.append((room, rig.server.say(
                    chat.alice.user_id, room, str(number))))
        ledger.until(lambda fault=fault: fault.hits, "the limit")
        refused = [s for s in ledger.requests
                   if s.op == "send" and s.status == 429][-1]
        answers.until_all([e for _, e in said], 60)
        # The same send again, after the wait. The brake holds for all, but
        # one of the other room may have been on its way already.
        later = [s for s in ledger.requests if s.op == "send"
                 and s.user == rig.user_id and s.at > refused.at]
        again = [s.at for s in later if s.path == refused.path]
        waited = again[0] - refused.at
        assert waited >= wait - 0.05, (headers, body, waited)
        early = [s for s in later if s.at < refused.at + wait - 0.05]
        assert len(early) <= 1, early
    answers.assert_once([e for _, e in said])
    answers.assert_in_order(said)
    # Sync is not braked: what is said while sends wait is delivered.
    fault = rig.server.fail("send", 429, limit, {"Retry-After": "4"},
                            when=mine)
    said.append((chat.room, chat.say("one")))
    ledger.until(lambda: fault.hits, "the limit")
    hit = time.monotonic()
    event_id = chat.say("two")
    said.append((chat.room, event_id))
    ledger.until(lambda: rig.server.delivered_to(rig.user_id, event_id),
                 "delivery")
    assert time.monotonic() - hit < 3.5, "sync waited for sends"
    answers.until_all([e for _, e in said])
    answers.assert_once([e for _, e in said])
    chat.process.stop()


@case("synapse_default_limits", servers=("synapse",), own_server=True,
      timeout=180)
def default_limits(rig):
    """Under Synapse's own message limit: slower, nothing lost or doubled."""
    from fakes import synapse
    rig.server.die()
    text = (rig.server.path + "/config.yaml")
    with open(text, encoding="utf-8") as file:
        config = file.read()
    with open(text, "w", encoding="utf-8") as file:
        file.write(config.replace(
            "rc_message: {per_second: 10000, burst_count: 10000}",
            "rc_message: " + synapse.DEFAULT_MESSAGE_LIMIT))
    rig.server.start()
    # One message that asks for 14 answers: 10 at once, the rest as allowed.
    chat = rig.chat("""
bot:on("message", function(ev)
    for n = 1, 14 do assert(ev:reply(tostring(n), { timeout = 120 })) end
end)
""".replace(', { timeout = 120 }', ''))
    event_id = chat.say("count")
    chat.until(lambda t: len(chat.replies(event_id, t)) >= 14,
               "14 answers", timeout=120)
    bodies = [e["content"]["body"] for e in chat.replies(
        event_id, chat.alice.timeline(chat.room))]
    assert bodies == [str(n) for n in range(1, 15)], bodies
    chat.process.stop()


@case("cut_sends", servers=("fake",), timeout=180)
def cut_sends(rig):
    """One send in ten is cut before or after the server acted: none lost."""
    chat = rig.chat(BUSY, rooms=3)
    answers = Answers(rig.server.ledger, rig.user_id)
    mine = only_bot(chat)
    faults = [rig.server.cut("send", "before", None, 0.05, mine),
              rig.server.cut("send", "after", None, 0.05, mine),
              rig.server.cut("send", "body", None, 0.02, mine),
              rig.server.fail("send", 502, {}, None, None, 0.02, mine)]
    stream = rig.stream(chat.alice.user_id, chat.rooms, 50, 300)
    stream.join(60)
    answers.until_all([e for _, e in stream.said], 170)
    for fault in faults:
        assert fault.hits, "the fault did not strike: the test is void"
        fault.off()
    finish(rig, chat, answers, stream, edited=True)


@case("cut_syncs", servers=("fake",), timeout=180)
def cut_syncs(rig):
    """Sync answers that are cut, broken or refused cost no event."""
    chat = rig.chat(ECHO, rooms=3)
    answers = Answers(rig.server.ledger, rig.user_id)
    stream = rig.stream(chat.alice.user_id, chat.rooms, 20)
    mine = only_bot(chat)
    faults = [
        lambda: rig.server.cut("sync", "before", when=mine),
        lambda: rig.server.cut("sync", "after", when=mine),
        lambda: rig.server.cut("sync", "body", when=mine),
        lambda: rig.server.fail("sync", 502, b"<html>bad gateway</html>",
                                {"Content-Type": "text/html"}, when=mine),
        lambda: rig.server.fail("sync", 200, b"", when=mine),
        lambda: rig.server.fail("sync", 200, b'{"rooms":{}}', when=mine),
        lambda: rig.server.fail("sync", 200, b'{"next_batch":"s1"',
                                when=mine),
        lambda: rig.server.fail("sync", 429, {
            "errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 300},
                                when=mine),
    ]
    for make in faults:
        fault = make()
        rig.server.ledger.until(lambda fault=fault: fault.hits, "the fault",
                                60)
        answers.until_all([e for _, e in list(stream.said)], 90)
    stream.stop()
    finish(rig, chat, answers, stream)


@case("repeated_batches", servers=("fake",))
def repeated_batches(rig):
    """The same next_batch, the same events again: each event once, no spin."""
    chat = rig.chat(ECHO)
    answers = Answers(rig.server.ledger, rig.user_id)
    mine = only_bot(chat)
    last = {"next_batch": None}

    def same(body):
        """Deliver, but say that nothing moved."""
        body = dict(body)
        body["next_batch"] = last["next_batch"] or body["next_batch"]
        return body

    def remember(request):
        last["next_batch"] = request.query.get("since")
        return mine(request)
    said = []
    for number in range(6):
        rig.server.tamper("sync", same, times=1, when=remember)
        said.append(rig.server.say(chat.alice.user_id, chat.room,
                                   f"r{number}"))
        answers.until_all(said)
    # A server that never moves on must not be asked without a pause.
    stuck = rig.server.tamper("sync", same, times=None, when=remember)
    said.append(rig.server.say(chat.alice.user_id, chat.room, "move"))
    rig.server.ledger.until(lambda: stuck.hits, "a poll that will be stuck")
    first = stuck.hits
    began = time.monotonic()
    said.append(rig.server.say(chat.alice.user_id, chat.room, "stuck"))
    rig.server.ledger.until(lambda: stuck.hits >= first + 4, "more polls",
                            60)
    pause = time.monotonic() - began
    assert pause > 1, f"4 polls in {pause:.2f} s"
    stuck.off()
    said.append(chat.say("free"))
    answers.until_all(said, 60)
    answers.assert_once(said)
    chat.process.stop()


@case("one_bad_event", servers=("fake",))
def one_bad_event(rig):
    """Events with wrong types, depths and texts cost themselves only."""
    chat = rig.chat(ECHO)
    inject = rig.server.inject
    alice, room = chat.alice.user_id, chat.room
    deep = {}
    for _ in range(500):
        deep = {"x": deep}
    bad = [
        {"msgtype": 7, "body": ["no"]}, {"body": None}, {}, deep,
        {"msgtype": "m.text", "body": {"a": 1}},
        {"msgtype": "m.text", "body": "x", "m.relates_to": 3},
        {"msgtype": "m.text", "body": "x", "m.relates_to": {
            "m.in_reply_to": {"event_id": []}, "rel_type": {}}},
        {"msgtype": "m.text", "body": 2 ** 70},
    ]
    for content in bad:
        inject(room, alice, "m.room.message", content)
    inject(room, alice, "m.reaction", {"m.relates_to": "no"})
    inject(room, alice, "m.room.redaction", {"redacts": 5})
    inject(room, alice, "m.room.member", {"membership": []},
           "@x:localhost")
    inject(room, alice, "m.room.power_levels", {"users": "everybody"}, "")
    inject(room, alice, "m.room.name", {"name": {}}, "")
    assert chat.ask("still well?") == "still well?"

    def spoil(body):
        """Bytes that are no UTF-8, and a lone surrogate, in one event."""
        import json
        text = json.dumps(body)
        return text.replace("SPOIL", "\\\\ud800").encode().replace(
            b"RAW", b"\xff\xfe")
    spoiled = rig.server.tamper("sync", spoil, when=only_bot(chat))
    chat.ask("nudge")
    rig.server.ledger.until(lambda: spoiled.hits, "the poll to spoil")
    rig.server.inject_all([
        (room, alice, "m.room.message", {"msgtype": "m.text", "body": b})
        for b in ("good one", "SPOIL", "RAW", "good two")])
    answered = chat.until(lambda t: [
        e["content"]["body"] for e in chat.from_bot(t)
        if e["content"]["body"].startswith("good")][1:], "both good ones")
    assert answered == ["good two"]
    assert chat.ask("and now?") == "and now?"
    chat.process.stop()


@case("event_that_kills", servers=("fake",), timeout=180)
def event_that_kills(rig):
    """Three attempts, then set aside and told; all others are answered."""
    rig.login()
    admin = rig.server.user("admin")
    told = admin.create_room([rig.user_id])
    chat = rig.chat("""
bot:on("message", function(ev)
    if ev.body == "poison" then
        ev.room:set_state("org.example.poison", { attempt = ev.attempt })
    end
    ev:reply(ev.body .. (ev.redelivered and " again" or ""))
end)
""", rooms=3, admin_room=told, admins=[admin.user_id])
    rig.until(lambda: admin.members(told)[rig.user_id] == "join",
              "the bot in its admin room")
    answers = Answers(rig.server.ledger, rig.user_id)
    attempts = []

    def strike(request):
        if not request.path.endswith("org.example.poison") and \
                "org.example.poison" not in request.path:
            return False
        attempts.append(request.json()["attempt"])
        chat.process.popen.kill()
        return True
    rig.server.cut("state", "before", times=None, when=strike)
    before = [chat.say("before", room) for room in chat.rooms]
    answers.until_all(before)
    poison = chat.say("poison")
    said = [chat.say(f"after {n}", room) for n in range(5)
            for room in chat.rooms]
    for attempt in range(1, 4):
        rig.until(lambda attempt=attempt: len(attempts) >= attempt,
                  f"attempt {attempt}")
        chat.process.popen.wait()
        chat.process = rig.start("run", "--no-watch")
    chat.process.until_ready()
    answers.until_all(said)
    assert attempts == [1, 2, 3], attempts
    said.append(chat.say("and on it goes"))
    answers.until_all(said)
    rig.until(lambda: [e for e in admin.messages(told, rig.user_id)
                       if poison in e["content"]["body"]],
              "a word in the admin room")
    assert "set aside" in chat.process.log()
    assert chat.process.running()
    chat.process.stop()
    # It does not come back.
    chat.process = rig.run()
    said.append(chat.say("even later"))
    answers.until_all(said)
    answers.assert_once(before + said)
    assert poison not in answers.replies
    assert attempts == [1, 2, 3], attempts
    chat.process.stop()


@case("many_rooms_slow_handlers", servers=("fake",), build="release",
      timeout=180)
def many_rooms(rig):
    """50 rooms, slow handlers: order per room, a bound, no script delayed."""
    rig.login()
    rig.write("stuck.lua", """
bot:on("message", function(ev)
    if ev.body == "stick" then matrix.sleep(100) end
end)
bot:command("other", "answers beside", function(ev) ev:reply("other") end)
""")
    source = """
local running, most = 0, 0
bot.concurrency = 64
bot:on("message", function(ev)
    running = running + 1
    most = math.max(most, running)
    assert(ev:reply(("%d"):format(most)))
    matrix.sleep(0.2)
    running = running - 1
end)
"""
    chat = rig.chat(source, rooms=50,
                    scripts={"echo": {}, "stuck": {}})
    answers = Answers(rig.server.ledger, rig.user_id)
    chat.say("stick")
    stream = rig.stream(chat.alice.user_id, chat.rooms, 200, 2000)
    asked = chat.say("!other")
    answers.until_all([asked])
    stream.join(60)
    said = [e for _, e in stream.said]
    answers.until_all(said)
    answers.assert_once(said)
    answers.assert_in_order(stream.said)
    most = max(int(body) for bodies in answers.replies.values()
               for body in bodies if body.isdigit())
    assert 1 < most <= 64, most
    chat.process.stop()


def huge_sync(rooms, per_room):
    """The body of a first sync of about 4 KB per event, in pieces."""
    filler = "lorem ipsum dolor sit amet " * 140

    def event(room, number):
        return (
            '{"type":"m.room.message","event_id":"$e%d_%d",'
            '"sender":"@u%d:localhost","origin_server_ts":1700000000000,'
            '"content":{"msgtype":"m.text","body":"%s"},'
            '"unsigned":{"age":1}}'
            % (room, number, number % 50, filler))
    yield b'{"next_batch":"s1","rooms":{"join":{'
    for room in range(rooms):
        head = ("," if room else "") + (
            f'"!r{room}:localhost":{{"state":{{"events":['
            f'{{"type":"m.room.name","state_key":"","event_id":"$n{room}",'
            f'"sender":"@u:localhost","origin_server_ts":1,'
            f'"content":{{"name":"Room {room}"}}}}]}},'
            '"timeline":{"limited":true,"prev_batch":"t1","events":[')
        yield head.encode()
        yield ",".join(event(room, n) for n in range(per_room)).encode()
        yield b"]}}"
    yield b"}}}"


@case("first_sync_of_200_megabytes", servers=("fake",), build="release",
      timeout=180)
def first_sync(rig):
    """Streamed through less than 64 MiB of memory, and handled to its end."""
    rig.login()
    sizes = itertools.count()
    fault = rig.server.fail("sync", 200, b"", times=0)
    total = 0

    def body():
        nonlocal total
        next(sizes)
        for chunk in huge_sync(1000, 52):
            total += len(chunk)
            yield chunk
    fault.response.body = body()
    fault.times = 1
    chat = rig.chat(ECHO, rooms=0)
    peak = chat.process.peak_rss()
    print(f"{total / 1e6:.0f} MB, peak {peak / MIB:.1f} MiB")
    assert total > 200e6
    assert peak < 64 * MIB, f"peak {peak / MIB:.1f} MiB"
    chat.room = chat.new_room()
    assert chat.ask("well?") == "well?"
    chat.process.stop()
