"""The offline chat on a terminal: talking, reloading, recording, colours."""

import os
import pathlib
import pty
import select
import signal
import stat
import subprocess
import sys
import termios

from e2e.cases import case
from e2e.rig import Skip

TOP = pathlib.Path(__file__).resolve().parents[2]


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, rig, *words, styled=False):
        self.rig = rig
        self.output = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            colours = {} if styled else {"NO_COLOR": "1"}
            os.execve(words[0], words, rig.environment(
                TERM="xterm", COLUMNS="80", **colours))

    def read(self):
        """Takes what is there. False at the end."""
        if not select.select([self.fd], [], [], 0.05)[0]:
            return True
        try:
            piece = os.read(self.fd, 65536)
        except OSError:         # how Linux says that the other end left
            piece = b""
        self.output += piece
        return bool(piece)

    def until(self, text):
        self.rig.until(lambda: self.read() and text.encode() in self.output,
                       lambda: f"'{text}' on the terminal: {self.output}")
        self.output = self.output.split(text.encode(), 1)[1]

    def type(self, text):
        os.write(self.fd, text.encode())

    def is_raw(self):
        """Is a line being edited?"""
        return not termios.tcgetattr(self.fd)[3] & termios.ICANON

    def end(self):
        """The exit status; the terminal must be as it was."""
        while self.read():
            pass
        modes = termios.tcgetattr(self.fd)[3]
        assert modes & termios.ICANON and modes & termios.ECHO
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def answer(word):
    return f"""bot:on("message", function(ev)
    ev:reply("{word} " .. ev.body)
end)
"""


@case("try_on_a_terminal", servers=("fake",))
def try_on_a_terminal(rig):
    """Talk, save, talk to the new code; a broken save keeps the old."""
    script = rig.script(answer("one"), "mine", ready=False)
    terminal = Terminal(rig, rig.program, "try", str(script))
    terminal.until("/help")
    terminal.type("hey\n")
    terminal.until("bot: one hey")
    rig.script(answer("two"), "mine", ready=False)
    terminal.until("reloaded")
    terminal.type("hey\n")
    terminal.until("bot: two hey")
    rig.script("local x = = 2\n", "mine", ready=False)
    terminal.until("unexpected symbol")
    terminal.type("still\n")
    terminal.until("bot: two still")
    assert "unexpected symbol" not in terminal.output.decode()
    terminal.type("\x04")
    assert terminal.end() == 0


TICKING = answer("said") + """
bot:every("50ms", function()
    for room in bot:rooms() do room:send("tick") end
end)
"""
CLEAR = "\r\x1b[J"


@case("try_edits_lines", servers=("fake",))
def try_edits_lines(rig):
    """Keys edit, Tab completes, and what comes in leaves the line whole."""
    script = rig.script(TICKING, "mine", ready=False)
    terminal = Terminal(rig, rig.program, "try", str(script))
    terminal.until("you> ")
    terminal.type("hald")
    for _ in range(3):          # the line goes, a tick, the line is back
        terminal.until(CLEAR + "#")
        terminal.until(" bot: tick\r\n")
        terminal.until("you> hald")
    terminal.type("\x7ff \u00e4\U0001f600\x01one \x05!\r")
    terminal.until("bot: said one half \u00e4\U0001f600!")
    terminal.type("/re\t")
    for word in ("/react", "/redact", "/reload", "/reply"):
        terminal.until(word)
    terminal.type("\x15/as @b\t\r")     # the bot
    terminal.until("bot> ")
    terminal.type("thrown away")
    terminal.until("thrown away")
    terminal.type("\x03")       # makes the terminal drop what is not read
    terminal.until("thrown away^C")
    terminal.until("bot> ")
    assert terminal.is_raw()
    terminal.type("\x03")
    assert terminal.end() == 0
    assert b"said thrown" not in terminal.output


@case("try_keeps_history", servers=("fake",))
def try_keeps_history(rig):
    """Lines come back in the next session, secrets are not among them."""
    script = rig.script(answer("said"), "mine", ready=False)
    terminal = Terminal(rig, rig.program, "try", str(script))
    for line in ("first", "my password is x", " spaced"):
        terminal.type(line + "\n")
        terminal.until("said " + line)
    terminal.type("/quit\n")
    assert terminal.end() == 0
    kept = list(rig.path.rglob("history-try"))
    assert len(kept) == 1 and stat.S_IMODE(kept[0].stat().st_mode) == 0o600
    assert kept[0].read_text() == "first\n/quit\n"
    terminal = Terminal(rig, rig.program, "try", str(script))
    terminal.until("you> ")
    terminal.type("\x1b[A\x1b[A\r")
    terminal.until("said first")
    terminal.type("\x12fir\r")
    terminal.until("said first")
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.end() == 0
    assert kept[0].read_text() == "first\n/quit\nfirst\n"
@case("try_reloads_modules", servers=("fake",))
def try_reloads_modules(rig):
    """A module that is saved counts, and so do mistakes and moves of it."""
    main = rig.write("bot/main.lua", """local words = require "words"
bot:on("message", function(ev) ev:reply(words.hello .. ev.body) end)
""")
    words = rig.write("bot/words.lua", 'return { hello = "one " }\n')
    terminal = Terminal(rig, rig.program, "try", str(main.parent))
    terminal.until("/help")
    terminal.type("hey\n")
    terminal.until("bot: one hey")
    words.write_text('return { hello = "two " }\n')
    terminal.until("words.lua changed)")
    terminal.type("hey\n")
    terminal.until("bot: two hey")
    words.write_text("return {\n    hello = = 2\n}\n")
    terminal.until("words.lua:2: unexpected symbol")
    terminal.until("→    2 │     hello = = 2")
    words.write_text('return { hello = "two " }\n')
    terminal.until("is as it was before")
    main.rename(main.with_suffix(".old"))
    terminal.until("main.lua is gone; generation 2 keeps running")
    main.with_suffix(".old").rename(main)
    terminal.type("hey\n")
    terminal.until("bot: two hey")
    terminal.type("\x04")
    assert terminal.end() == 0


TIMES = """local last = os.time()
bot:on("message", function(ev)
    ev:reply(("%s after %d"):format(ev.body, (os.time() - last) // 3600))
end)
bot:every("1s", function() print("tick") end)
"""


@case("try_records", servers=("fake",))
def try_records(rig):
    """What is recorded plays again: same answers, same ticks, same order."""
    script = rig.script(TIMES, "times", ready=False)
    record = script.with_suffix(".chat")
    terminal = Terminal(rig, rig.program, "try", "--record", str(record),
                        str(script))
    terminal.until("tick")
    terminal.type("hey\n")
    terminal.until("bot: hey after 0")
    rig.script(TIMES + "\n", "times", ready=False)
    terminal.until("reloaded")
    terminal.until("tick")
    terminal.type("/time +1h\n/reply #1 there\n")
    terminal.until("bot: there after 1")
    terminal.type("\x04")
    assert terminal.end() == 0
    assert "/reload\n" in record.read_text()
    again = record.with_suffix(".again")
    outputs = []
    for transcript, to in ((record, again), (again, os.devnull)):
        with open(transcript, encoding="utf-8") as typed:
            outputs.append(subprocess.run(
                [rig.program, "try", "--record", to, script], stdin=typed,
                capture_output=True, text=True, timeout=60, check=True,
                env=rig.environment()).stdout)
    assert record.read_text() == again.read_text()
    assert outputs[0] == outputs[1], outputs
    wanted = ["tick", "you: hey", "bot: hey after 0", "reloaded", "tick",
              "you: there", "bot: there after 1"]
    at = 0
    for text in wanted:
        at = outputs[0].find(text, at)
        assert at >= 0, (text, outputs[0])


@case("try_has_styles", servers=("fake",))
def try_has_styles(rig):
    """Formatting and colours on a terminal that shows them, and only there;
    what a bot writes does not become one."""
    script = rig.script(r"""bot:on("message", function(ev)
    if ev.body == "fail" then error("wrong") end
    ev:reply{ html = "<b>fat \27[7m&#27;[7m</b> <i>thin" }
end)
""", "styles", ready=False)
    terminal = Terminal(rig, rig.program, "try", str(script), styled=True)
    terminal.until("/help")
    terminal.type("hey\n")
    terminal.until("\x1b[1mfat ?[7m?[7m\x1b[0m \x1b[3mthin\x1b[0m")
    terminal.type("fail\n")
    terminal.until("\x1b[31m!! error")
    terminal.until("\x1b[31m!!   →    2 │     if")
    terminal.type("\x04")
    assert terminal.end() == 0
    plain = Terminal(rig, rig.program, "try", str(script))
    plain.until("/help")
    plain.type("hey\n")
    plain.until("bot: fat ?[7m?[7m thin")
    assert b"\x1b[0" not in plain.output and b"\x1b[1" not in plain.output
    plain.type("\x04")
    assert plain.end() == 0


@case("try_is_interrupted", servers=("fake",))
def try_is_interrupted(rig):
    """Time that passes for long shows what happens, and Ctrl-C ends it; a
    script that is mended loads."""
    script = rig.script("local x = = 1\n", "mine", ready=False)
    terminal = Terminal(rig, rig.program, "try", str(script))
    terminal.until("fixed and saved")
    terminal.until("you> ")
    rig.script(answer("one")
               + 'bot:every("2h", function() print("tick") end)\n',
               "mine", ready=False)
    terminal.until("-- loaded ")
    terminal.type("/time +366d\n")
    terminal.until("tick")
    terminal.type("\x03")
    terminal.until("-- interrupted, ")
    terminal.type("hey\n")
    terminal.until("bot: one hey")
    terminal.type("\x04")
    assert terminal.end() == 0


@case("try_capture", servers=("fake",))
def try_capture(rig):
    """docs/try-capture.txt is what a session in tmux looks like."""
    done = subprocess.run(
        [sys.executable, "-B", TOP / "docs" / "capture", "--check",
         "--program", rig.program], capture_output=True, text=True,
        timeout=100, check=False)
    if done.returncode == 77:
        raise Skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr


@case("try_has_the_rooms_of_the_configuration", servers=("fake",))
def try_configured_rooms(rig):
    """A bot that posts to a room of its configuration can be tried, and a
    web hook with a signature called."""
    rig.write("github.lua", (
        TOP / "scripts/github.lua").read_text(encoding="utf-8"))
    rig.write("push.json", '{"pusher": {"name": "ann"}, "commits": [], '
              '"repository": {"full_name": "a/b"}}')
    rig.write("lunatrix.lua", '''return { scripts = { github = {
        file = "github.lua", secrets = { github = { file = "hook" } },
        config = { room = "#ops:example.org" } } } }''')
    status, out, err = rig.command(
        "try", "github.lua", text="/webhook github push.json\n/webhook no\n")
    assert status == 0, out + err
    assert out == """-- #ops:example.org is a room here: /room ops
== try
-- you joined
-- you invited bot
-- bot joined
-- 204
== ops
bot: ann pushed 0 commit(s) to a/b
-- no script has a web hook 'no'
""", out
