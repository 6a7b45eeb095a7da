"""Under a service manager: what it is told, and the folders it gives."""

import re
import signal
import time

from e2e import chat
from e2e.cases import case
from e2e.notify_socket import NotifySocket
from e2e.test_chat import ECHO

BROKEN = "bot:on("


@case("notify_sequence", servers=("fake",))
def notify_sequence(rig):
    """Ready after the first sync, reloads framed, refusals shown, the end."""
    rig.login()
    rig.script(ECHO)
    rig.config()
    manager = NotifySocket(str(rig.path / "run" / "notify"))
    before = time.clock_gettime(time.CLOCK_MONOTONIC)
    process = rig.start("run", "--no-watch", NOTIFY_SOCKET=manager.name)
    process.until_ready()
    rig.until(lambda: manager.events() == ["READY"], "READY=1")
    assert manager.said("READY")[0]["READY"] == "1"
    assert manager.status() == f"listening as {rig.user_id}"

    rig.script(ECHO + "\n-- changed\n")
    process.signal(signal.SIGHUP)
    wanted = ["READY", "RELOADING", "READY"]
    rig.until(lambda: manager.events() == wanted, manager.events)
    clock = int(manager.said("RELOADING")[0]["MONOTONIC_USEC"]) / 1e6
    assert before < clock < time.clock_gettime(time.CLOCK_MONOTONIC)
    assert manager.status() == f"listening as {rig.user_id}"

    rig.script(BROKEN)
    process.signal(signal.SIGHUP)
    wanted += ["RELOADING", "READY"]
    rig.until(lambda: manager.events() == wanted, manager.events)
    assert manager.status().startswith(
        f"listening as {rig.user_id}; echo.lua did not load"), \
        manager.status()

    # Looking changes nothing; a reload that works takes the trouble away.
    rig.script(ECHO)
    status, out, err = rig.command("reload", "--check-only")
    assert status == 0 and manager.events() == wanted, (out, err)
    status, out, err = rig.command("reload", "--force")
    assert status == 0, (out, err)
    wanted += ["RELOADING", "READY"]
    rig.until(lambda: manager.events() == wanted, manager.events)
    assert manager.status() == f"listening as {rig.user_id}"

    rig.write("lunatrix.lua", "return { nonsense = 1 }\n")
    process.signal(signal.SIGHUP)
    wanted += ["RELOADING", "READY"]
    rig.until(lambda: manager.events() == wanted, manager.events)
    assert "the configuration is not reloaded: " in manager.status(), \
        manager.status()
    assert "nonsense" in manager.status(), manager.status()

    process.stop()
    rig.until(lambda: manager.events() == wanted + ["STOPPING"],
              manager.events)
    assert not manager.said("WATCHDOG")     # nobody asked for it


@case("notify_before_ready", servers=("fake",))
def notify_before_ready(rig):
    """Before the first sync nothing says ready, a hangup neither; a start
    that fails says why."""
    rig.login()
    rig.script(ECHO)
    rig.config()
    manager = NotifySocket("\0" + str(rig.path))
    rig.server.die()
    process = rig.start("run", "--no-watch", NOTIFY_SOCKET=manager.name)
    process.until_logged("generation 1 runs")
    rig.script(ECHO + "\n-- changed\n")
    process.signal(signal.SIGHUP)
    process.until_logged("generation 2 replaces 1")
    process.stop()
    assert manager.events() == ["STOPPING"], manager.messages

    manager.messages.clear()
    status, _, err = rig.command("run", "absent.lua",
                                 NOTIFY_SOCKET=manager.name)
    assert status == 78, err
    assert "there is no script absent.lua" in manager.status()


@case("notify_watchdog", servers=("fake",))
def notify_watchdog(rig):
    """Fed at twice the rate by the loop, but not by one that is stuck, nor
    when another process is the one that is watched. Children are told of
    none of it."""
    manager = NotifySocket(str(rig.path / "run" / "notify"))
    environment = {"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "400000"}
    rig.login()
    rig.script("""
bot:on("message", function(ev)
    if ev.body == "block" then
        local stop = os.clock() + 2
        while os.clock() < stop do end
    end
    ev:reply("done")
end)
""")
    # A secret's command is a child of the program.
    seen = rig.path / "seen"
    rig.config(limits={"burst": "20s"}, scripts={"echo": {"secrets": {
        "token": {"command": ["sh", "-c", f"env | tee {seen}"]}}}})
    process = rig.start("run", "--no-watch", **environment).until_ready()
    rig.until(lambda: len(manager.said("WATCHDOG")) > 5, "WATCHDOG=1")
    times = [m["at"] for m in manager.said("WATCHDOG")]
    assert times[5] - times[0] < 5 * 0.4, times
    names = re.findall(r"^(\w+)=", seen.read_text(), re.MULTILINE)
    assert "HOME" in names, names
    assert not [n for n in names if n.startswith(("NOTIFY", "WATCH"))], names

    conversation = chat.Chat(rig, process)
    fed = len(manager.said("WATCHDOG"))
    assert conversation.ask("block") == "done"
    rig.until(lambda: len(manager.said("WATCHDOG")) > fed + 5, "WATCHDOG=1")
    times = [m["at"] for m in manager.said("WATCHDOG")][fed - 1:]
    assert max(b - a for a, b in zip(times, times[1:])) > 1.5, times
    process.stop()

    manager.messages.clear()
    rig.start("run", "--no-watch", "--once", WATCHDOG_PID="1",
              **environment).wait()
    assert manager.events() == ["READY", "STOPPING"], manager.messages
    assert not manager.said("WATCHDOG"), manager.messages
