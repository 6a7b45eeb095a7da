"""The prompt inside a running script: values, waits, errors, reloads."""

import contextlib
import json
import socket

from e2e.cases import case
from e2e.test_try import Terminal

BOT = """
count = 0
bot:every("1h", { name = "hourly" }, function() end)
bot:on("message", function(ev)
    count = count + 1
    ev:reply("said " .. ev.body)
end)
"""


class Wire:
    """The protocol itself, without the client."""

    def __init__(self, rig, script=None):
        self.rig = rig
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(str(rig.path / "run" / "lunatrix" / "main.sock"))
        self.lines = self.socket.makefile("r", encoding="utf-8")
        self.ask(do="repl", **({"script": script} if script else {}))

    def ask(self, **request):
        self.socket.sendall(json.dumps(request).encode() + b"\n")

    def next(self):
        return json.loads(self.lines.readline())

    def run(self, code):
        self.ask(code=code)
        return self.next()

    def close(self):
        self.lines.close()
        self.socket.close()


@case("repl_runs_code", servers=("fake",))
def repl_runs_code(rig):
    """-e prints values, what is printed, errors; and the log has a line."""
    chat = rig.chat(BOT)
    for code, wanted in (
            ("1 + 1", "2\n"),
            ("'a', nil, { x = 1 }", '"a"  nil  { x = 1 }\n'),
            ("count = count + 40", ""),
            ("local x = 5", ""),
            ("print(count, bot.user_id)", f"40\t{rig.user_id}\n"),
            ("matrix.sleep(0.05) print('later')", "later\n"),
            ("local t = matrix.monotonic() matrix.sleep('60ms') "
             "return matrix.monotonic() - t >= 0.05", "true\n")):
        status, out, err = rig.command("repl", "-e", code)
        assert (status, out, err) == (0, wanted, ""), (code, status, out, err)
    for code, words in (
            ("error('on purpose')", ("repl:1: on purpose",)),
            ("local function f() error{} end f()", ("repl:1", "function 'f'")),
            ("return (", ("<eof>",)),
            ("x = = 2", ("repl:1:", "unexpected symbol")),
            ("while true do end", ("limits.burst",)),
            ("bot:on('message', print)", ("top level", "repl:1"))):
        status, out, err = rig.command("repl", "echo", "-e", code)
        assert status == 1 and not out, (code, status, out, err)
        assert all(w in err for w in words), (code, err)
    status, out, err = rig.command("repl", "other", "-e", "1")
    assert status == 78 and "echo" in err, (status, err)
    assert chat.ask("hi") == "said hi"
    status, out, err = rig.command("repl", "scripts/echo.lua", text=(
        "local n = count\nfor i = 1, 2 do\nprint(i)\nend\nn\nerror('x')\n"
        "_ + 1\n"))
    assert status == 1 and out == "1\n2\n41\n42\n", (status, out, err)
    assert chat.process.log().count("echo: repl opened") == 14
    log = chat.process.log()
    assert "echo: repl: count = count + 40" in log
    assert log.count("repl: for i = 1, 2 do") == 1      # when it is whole
    chat.process.stop()
    status, out, err = rig.command("repl", "-e", "1")
    assert status == 1 and "lunatrix run" in err, (status, err)


@case("repl_side_by_side", servers=("fake",))
def repl_side_by_side(rig):
    """Two at once, each with names of its own; cancel; a flood; events."""
    chat = rig.chat(BOT)
    one, two = Wire(rig), Wire(rig, "echo")
    for wire in (one, two):
        assert wire.next()["repl"] == {"script": "echo", "generation": 1}
    assert one.run("local mine = 1") == {"done": {}}
    assert one.run("mine") == {"done": {"values": "1"}}
    assert two.run("mine") == {"done": {"values": "nil"}}
    assert one.run("for i = 1, 2 do")["done"]["incomplete"] is True
    one.ask(code="matrix.sleep(600)")
    assert two.run("'free'") == {"done": {"values": '"free"'}}
    assert one.run("1")["error"]["kind"] == "misuse"    # one at a time
    one.ask(cancel=True)
    assert one.next()["error"]["kind"] == "cancelled"
    assert one.run("pcall(matrix.sleep, 0)")["done"]["values"] == "true  true"
    one.ask(complete="x = matrix.sl")
    assert one.next() == {"done": {"start": 11, "words": ["sleep"]}}
    one.ask(complete="bot.st")
    assert "store" in one.next()["done"]["words"]
    one.ask(handlers=True)
    assert "handler for message" in one.next()["done"]["report"]
    one.ask(timers=True)
    assert "3600 s" in one.next()["done"]["report"]
    one.ask(events=True)
    assert one.next() == {"done": {}}
    assert chat.ask("seen?") == "said seen?"
    event = one.next()
    assert event["room_id"] == chat.room, event
    assert event["event"]["content"]["body"] == "seen?", event
    one.ask(nonsense=True)
    assert one.next()["error"]["kind"] == "misuse"
    # Nobody reads: lines are left out, the bot goes on, the answer comes.
    two.ask(code="local s = ('x'):rep(60000) for i = 1, 100 do print(s) end")
    assert chat.ask("alive") == "said alive"
    lost, printed = 0, 0
    while True:
        line = two.next()
        lost += line.get("lost", 0)
        printed += "print" in line
        if "done" in line:
            break
    assert lost > 0 and lost + printed == 100, (lost, printed)
    two.ask(code="matrix.sleep(600)")
    with contextlib.closing(two):
        pass                    # gone in the middle: its task is closed
    one.close()
    assert chat.ask("still") == "said still"
    chat.process.stop()


@case("repl_and_reload", servers=("fake",))
def repl_and_reload(rig):
    """The prompt moves to the new generation, and says so."""
    chat = rig.chat(BOT)
    terminal = Terminal(rig, rig.program, "repl")
    terminal.until("echo#1> ")
    terminal.type("local a = 7\r")
    terminal.until("echo#1> ")
    terminal.type("for i = 1, 2 do\r")
    terminal.until("echo#1>> ")
    terminal.type("print(a + i) end\r")
    terminal.until("8\r\n9\r\n")
    terminal.type("half")
    terminal.until("half")
    rig.script(BOT + "version = 2")
    status, out, err = rig.command("reload")
    assert status == 0, err
    terminal.until("generation 2 of echo is in charge")
    terminal.until("echo#2> half")
    terminal.type("\x15a, version\r")
    terminal.until("nil  2")
    terminal.type("matrix.sleep(600)\r")
    rig.until(lambda: "repl: matrix.sleep" in chat.process.log(), "it runs")
    terminal.type("\x03")
    terminal.until("cancelled")
    terminal.type("bot.user_\t\r")
    terminal.until(f'"{rig.user_id}"')
    terminal.type(".ev\t\r")
    terminal.until("are shown")
    assert chat.ask("hello") == "said hello"
    terminal.until("m.room.message: hello")
    chat.say("\u009b2J\x1b[2J\xe9")            # steers no terminal
    terminal.until("m.room.message: ?2J?[2J\xe9")
    rig.script(BOT + "version = 3")
    terminal.type(".reload\r")
    terminal.until("generation 3 of echo is in charge")
    terminal.until("echo#3> ")
    terminal.type(".handlers\r")
    terminal.until("handler for message (echo.lua:4)")
    terminal.type(".exit\r")
    assert terminal.end() == 0
    terminal = Terminal(rig, rig.program, "repl")
    terminal.until("echo#3> ")
    terminal.type("\x1b[A")
    terminal.until(".exit")
    chat.process.stop()
    terminal.until("the running process ended")
    assert terminal.end() == 1


@case("repl_of_several", servers=("fake",))
def repl_of_several(rig):
    """With several scripts one must be named; one that failed says so."""
    rig.login()
    rig.script("name = 'one'", "one")
    rig.script("name = ", "two", ready=False)
    rig.config(scripts={"one": {}, "two": {}})
    process = rig.run()
    status, _, err = rig.command("repl", "-e", "name")
    assert status == 78 and "one, two" in err, (status, err)
    status, out, err = rig.command("repl", "one", "-e", "name")
    assert (status, out) == (0, '"one"\n'), (status, out, err)
    status, _, err = rig.command("repl", "two", "-e", "name")
    assert status == 1 and "did not load" in err, (status, err)
    process.stop()
