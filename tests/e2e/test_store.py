"""lunatrix store: what scripts keep, running or not."""

import contextlib
import json
import os
import pty
import sqlite3
import subprocess

from e2e.cases import case
from e2e.test_accounts import WHO, answers, join_both, two_accounts

KEEPS = """
bot.store:set("score:ann", 3)
bot.store:set("score:bob", { "Bob é", { 1, 2 } })
bot.store:set("a key", "with\\ttab")
bot.store:set("soon", "gone", { ttl = "1h" })
bot.store:set("past", "gone", { ttl = 0.01 })
bot.store:set("long", ("x"):rep(300))
bot:job("tick", function() end)
"""


def terminal(rig, *arguments, columns=40):
    """What the program prints on a terminal of that width."""
    master, slave = pty.openpty()
    with os.fdopen(slave, "wb") as out:
        subprocess.run(["stty", "cols", str(columns)], stdin=out, check=True)
        subprocess.run([rig.program, *arguments], stdin=subprocess.DEVNULL,
                       stdout=out, cwd=rig.path / "bot", check=True,
                       env=rig.environment())
    text = b""
    with os.fdopen(master, "rb", buffering=0) as read, \
            contextlib.suppress(OSError):       # EIO: all is read
        while chunk := read.read(4096):
            text += chunk
    return text.decode().replace("\r\n", "\n")


@case("store_of_a_script", servers=("fake",))
def store_of_a_script(rig):
    """Keys, values, expiry; beside a running bot, and without one."""
    code, out, err = rig.command("store", "echo")
    assert code == 1 and not out and "'echo'" in err, (code, out, err)
    chat = rig.chat(KEEPS)
    for running in (True, False):
        if not running:
            chat.process.stop()
            with contextlib.closing(
                    sqlite3.connect(rig.data("scripts.db"))) as db, db:
                db.execute("INSERT INTO kv(script, key, value, expires, bytes)"
                           " VALUES('echo/hidden', 'mine', '1', 0, 5)")
        code, out, err = rig.command("store")
        assert (code, err) == (0, ""), (code, err)
        head, row = out.splitlines()
        assert head.split() == ["SCRIPT", "KEYS", "USED"], out
        assert row.split()[:2] == ["echo", "5"], out
        assert row.endswith(" B of 64 MiB"), out
        code, out, err = rig.command("store", "echo.lua", "score:")
        assert (code, out, err) == (
            0, 'score:ann  3\nscore:bob  ["Bob é",[1,2]]\n', ""), (out, err)
        code, out, _ = rig.command("store", "echo")
        lines = out.splitlines()
        assert lines[0] == '"a key"  "with\\ttab"', out
        assert lines[1] == 'long  "' + "x" * 300 + '"', out
        assert lines[4].startswith('soon  "gone"  (until 20'), out
        assert len(lines) == 5, out
        cut = terminal(rig, "store", "echo", "lo")
        assert cut == 'long  "' + "x" * 32 + "…\n", cut
        code, out, _ = rig.command("store", "echo", "s", "--json")
        account, = json.loads(out)["accounts"]
        script, = account["scripts"]
        entries = {e["key"]: e for e in script["entries"]}
        assert sorted(entries) == ["score:ann", "score:bob", "soon"], out
        assert entries["score:bob"]["value"] == ["Bob é", [1, 2]], out
        assert "expires" in entries["soon"] and \
            "expires" not in entries["score:ann"], out
        assert (script["script"], script["keys"]) == ("echo", 5), out
        assert script["quota"] == 64 << 20 and script["bytes"] > 300, out
        code, out, err = rig.command("store", "ecko")
        assert (code, out) == (1, "") and "did you mean 'echo'" in err, err
    assert rig.command("store", "a", "b", "c")[0] == 2


@case("store_of_several", servers=("fake",))
def store_of_several(rig):
    """Two accounts; --account; a script that keeps nothing."""
    ops = two_accounts(rig)
    process = rig.start("run", "--no-watch")
    alice, room = join_both(rig, ops)
    alice.say(room, "!who")
    rig.until(lambda: len(answers(alice, room)) == 2, "both answer")
    code, out, err = rig.command("store")
    assert (code, err) == (0, ""), err
    assert "account main:\nSCRIPT" in out, out
    assert "\n\naccount ops:\nSCRIPT" in out, out
    code, out, err = rig.command("store", "who")
    assert out == "account main:\nasked  1\n\naccount ops:\nasked  1\n", out
    code, out, err = rig.command("store", "who", "--account", "ops")
    assert (code, out, err) == (0, "asked  1\n", ""), (out, err)
    code, out, err = rig.command("store", "ops")
    assert (code, out) == (0, "account ops:\n") and "nothing" in err, out
    code, out, err = rig.command("store", "ops", "--account", "main")
    assert (code, out) == (1, "") and "'ops'" in err, (out, err)
    code, out, err = rig.command("store", "--json")
    accounts = json.loads(out)["accounts"]
    assert [[s["script"] for s in a["scripts"]] for a in accounts] == [
        ["who"], ["who", "ops"]], out
    process.stop()
