"""The offline chat on a terminal: talking, reloading, leaving."""

import os
import pty
import select

from e2e.cases import case


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, rig, *words):
        self.rig = rig
        self.output = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(words[0], words)

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
        self.rig.until(lambda: self.read() and text in self.output.decode(),
                       f"'{text}' on the terminal")
        self.output = self.output.split(text.encode(), 1)[1]

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        """The exit status."""
        while self.read():
            pass
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
