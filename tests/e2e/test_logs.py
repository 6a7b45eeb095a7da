"""lunatrix logs: the last lines of the running process, and what follows."""

import json
import re
import signal

from e2e.cases import case
from e2e.test_accounts import answers, join_both, two_accounts
from e2e.test_repl import Wire

TALKS = """
bot:on("message", function(ev)
    print("heard " .. ev.body)
    ev:reply("said " .. ev.body)
end)
"""
FLOOD = """
bot:on("message", function(ev)
    for i = 1, 600 do
        print("flood " .. ("x"):rep(3000))
        if i % 20 == 0 then matrix.sleep(0.001) end
    end
    ev:reply("said " .. ev.body)
end)
"""


class LogWire(Wire):
    """The protocol itself, by someone who reads when he likes."""

    def __init__(self, rig, **request):
        self.request = request
        super().__init__(rig)

    def ask(self, **request):
        super().ask(**{**request, **self.request})


@case("logs", servers=("fake",))
def logs_of_a_running_bot(rig):
    """What was logged, word by word; what follows; of one script."""
    code, out, err = rig.command("logs")
    assert (code, out) == (1, "") and "journal" in err, (code, out, err)
    chat = rig.chat(TALKS)
    assert chat.ask("one") == "said one"
    code, out, err = rig.command("logs", "--no-follow", "--lines", "5000")
    assert (code, out, err) == (0, chat.process.log(), ""), (out, err)
    assert "runs as" in out and "heard one" in out, out
    code, out, err = rig.command("logs", "echo.lua", "--no-follow",
                                 "--lines=1")
    assert (code, err) == (0, "") and "heard one" in out, (out, err)
    assert out.count("\n") == 1, out
    code, out, err = rig.command("logs", "echo", "--no-follow")
    assert "runs as" not in out and "heard one" in out, out
    follows = rig.start("logs")
    rig.until(lambda: "heard one" in follows.output(), "the last lines")
    others = rig.start("logs", "echo", "--lines", "0")
    # Asked behind it: its request was taken.
    rig.until(lambda: len(chat.process.log()) and rig.command("status")[0] == 0
              and chat.ask("again") and "heard again" in others.output(),
              "a line that follows")
    assert "heard one" not in others.output(), others.output()
    assert chat.ask("two") == "said two"
    rig.until(lambda: "heard two" in follows.output()
              and "heard two" in others.output(), "the line")
    others.signal(signal.SIGINT)
    assert others.wait() == -signal.SIGINT
    assert chat.ask("three") == "said three"
    code, out, err = rig.command("logs", "ecko")
    assert (code, out) == (1, "") and "echo" in err, (code, out, err)
    for wrong in (("--lines", "many"), ("--lines=-1",), ("a", "b")):
        assert rig.command("logs", *wrong)[0] == 2, wrong
    chat.process.stop()
    assert follows.wait() == 0, follows.log()
    assert "ended" in follows.log(), follows.log()
    assert follows.output() in chat.process.log() and \
        "stopping" in follows.output(), follows.output()


@case("logs_slow_reader", servers=("fake",))
def logs_slow_reader(rig):
    """Who does not read loses lines, and is told how many; no bot waits."""
    chat = rig.chat(FLOOD, limits={"log": 1000000})
    wire = LogWire(rig, do="logs", script="echo", lines=0, follow=True)
    assert chat.ask("alive") == "said alive"
    assert chat.ask("still") == "said still"
    lost, shown = 0, 0
    while lost + shown < 1200:
        line = wire.next()
        lost += line.get("lost", 0)
        shown += "line" in line
    assert lost + shown == 1200 and lost > 0 < shown, (lost, shown)
    wire.close()
    assert chat.ask("gone") == "said gone"
    wire = LogWire(rig, do="logs", lines=10 ** 6, follow=False)
    lines = 0
    while "done" not in (line := wire.next()):
        assert "lost" not in line, line
        lines += 1
    assert 50 < lines <= 1000, lines
    wire.close()
    chat.process.stop()


@case("logs_of_several", servers=("fake",))
def logs_of_several(rig):
    """Two accounts in one process, as JSON."""
    ops = two_accounts(rig)
    rig.script('bot:command("who", function(ev) print(bot.user_id) '
               'ev:reply("yes") end)\n', "who", ready=False)
    process = rig.start("--log-format", "json", "run", "--no-watch")
    alice, room = join_both(rig, ops)
    alice.say(room, "!who")
    rig.until(lambda: len(answers(alice, room)) == 2, "both answer")
    everything, mine = (
        [json.loads(line) for line in rig.command(
            "logs", "--no-follow", "--lines=100", *more)[1].splitlines()]
        for more in ((), ("--account", "ops")))
    assert {line.get("account") for line in everything} >= {"main", "ops"}
    assert {line.get("account") for line in mine} <= {"ops", None}, mine
    said = [line["msg"] for line in mine if line.get("script") == "who"
            and re.fullmatch("@.*", line["msg"])]
    assert said == [ops], said
    code, out, err = rig.command("logs", "ops", "--no-follow")
    assert (code, err) == (0, ""), err
    assert all(json.loads(li)["script"] == "ops" for li in out.splitlines())
    process.stop()
