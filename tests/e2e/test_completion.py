"""What shells are told of the command line."""

import shutil
import subprocess

from e2e.cases import case
from e2e.test_try import Terminal

# Prints what Tab would offer for the words that are typed.
OFFER = """
source completion
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_lunatrix
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(rig, *words):
    done = subprocess.run(
        ["bash", "-uc", OFFER, "bash", "lunatrix", *words], check=True,
        cwd=rig.path / "bot", capture_output=True, text=True)
    assert not done.stderr, done.stderr
    return set(done.stdout.split("\n")) - {""}


@case("completion_for_bash", servers=("fake",))
def completion_for_bash(rig):
    """Commands, options, files where files go, and nothing elsewhere."""
    status, out, err = rig.command("completion", "bash")
    assert (status, err) == (0, "")
    rig.write("completion", out)
    rig.write("my bot.lua", "")
    rig.write("notes.txt", "")
    rig.write("dir/x.lua", "")
    for words, wanted in (
            (("re",), {"reload", "repl"}),
            (("--account", "re", "re"), {"reload", "repl"}),
            (("--config", "=", "re", "rel"), {"reload"}),
            (("help", "rel"), {"reload"}),
            (("reload", "--fo"), {"--force"}),
            (("send", "--acc"), {"--account"}),
            (("run", ""), {"my bot.lua", "dir"}),
            (("run", "dir/"), {"dir/x.lua"}),
            (("login", "--password-file", "no"), {"notes.txt"}),
            (("run", "--config", "=", "no"), {"notes.txt"}),
            (("run", "--config", "="), {"my bot.lua", "notes.txt", "dir",
                                        "completion"}),
            (("new", ""), {"dir"}),
            (("completion", ""), {"bash", "zsh", "fish"}),
            (("send", "--room", ""), set()),
            (("whoami", ""), set())):
        assert offered(rig, *words) == wanted, (words, offered(rig, *words))
    for shell in ("zsh", "fish"):
        status, out, err = rig.command("completion", shell)
        assert status == 0 and "repl" in out and "--force" in out or (
            "-l force" in out), (shell, err)
        if shutil.which(shell):
            subprocess.run([shell, "-n"], input=out, text=True, check=True)
    status, _, err = rig.command("completion", "csh")
    assert status == 2 and "csh" in err, (status, err)
    # In a shell that somebody types at.
    terminal = Terminal(rig, shutil.which("bash"), "--norc", "--noprofile",
                        "-i")
    terminal.type(f"source {rig.path}/bot/completion; PS1=ready'> '\n")
    terminal.until("ready> ")
    terminal.type("lunatrix rel\t --che\t")
    terminal.until("lunatrix reload  --check-only ")
    terminal.type("\x15exit\n")
    terminal.end()
