"""status and the report of SIGUSR1: what a running bot is at."""

import json
import os
import resource
import signal
import socket
import time

from e2e.cases import case
from e2e.chat import Chat
from fakes.homeserver import CANARY

SLOW = """
bot:command("slow", "waits", function(ev) ev:reply("waiting"); matrix.sleep(60) end)
bot:command("bad", "fails", function() error("no\\255 good") end)
bot:on("message", function(ev) ev:reply(ev.body) end)
bot:every("1h", print)
"""


def status(rig, *more, expect=0):
    code, out, err = rig.command("status", "--json", *more)
    assert code == expect, (code, out, err)
    return json.loads(out)["accounts"]


@case("status")
def status_of_a_running_bot(rig):
    """status shows account, sync, scripts, tasks, errors, and a refusal."""
    chat = rig.chat(SLOW)
    chat.answer(chat.say("!slow"))
    chat.say("!bad")
    rig.until(lambda: status(rig)[0]["scripts"][0]["errors"], "the error")
    account, = status(rig, "--tasks")
    assert account["running"] and account["pid"] == chat.process.pid
    assert account["user_id"] == rig.user_id and account["device_id"]
    assert account["login"] == "live", account
    assert account["sync"]["state"] == "ok", account
    assert abs(account["now"] - account["sync"]["last"]) < 60000, account
    assert account["sends"]["waiting"] == 0, account
    script, = account["scripts"]
    assert (script["state"], script["generation"]) == ("ok", 1), script
    assert (script["handlers"], script["commands"]) == (1, 2), script
    assert (script["timers"], script["tasks"]) == (1, 1), script
    assert 0 < script["memory"] < script["memory_limit"] == 64 << 20, script
    running, = script["running"]
    assert "!slow" in running["handler"], running
    assert "echo.lua:2" in running["traceback"], running
    assert 0 <= running["age_ms"] <= script["oldest_task_ms"] + 1, script
    assert script["timer_list"][0]["ms"] == 3600000, script
    error, = script["errors"]
    assert error["place"].endswith("echo.lua:3"), error
    assert error["error"].endswith("good"), error
    assert "running" not in status(rig)[0]["scripts"][0]

    rig.script("this is no Lua\n")
    code, _, _ = rig.command("reload")
    assert code == 65, code
    script, = status(rig, expect=65)[0]["scripts"]
    assert (script["state"], script["generation"]) == ("refused", 1), script
    assert "echo.lua:1:" in script["refused"]["error"], script
    code, out, _ = rig.command("status", "--tasks")
    assert code == 65, out
    for text in (f"account main: {rig.user_id}, device ", "sync       ok",
                 "GEN", "echo    refused", "generation 2 was refused",
                 "echo.lua:3: no", "in handler for !bad",
                 "every 3600 s (echo.lua:5): next in",
                 "handler for !slow (echo.lua:2)"):
        assert text in out, (text, out)
    chat.process.kill()


@case("status_without_a_process", servers=("fake",))
def status_without_a_process(rig):
    """Nobody runs it: status says so, and what waits on disk; exit 1."""
    account, = status(rig, expect=1)
    assert account["login"] == "none" and not account["running"], account
    assert not rig.data().exists()
    chat = rig.chat("""
bot:on("message", function(ev) matrix.sleep(60) end)
""")
    chat.say("one")
    rig.until(lambda: status(rig)[0]["scripts"][0]["tasks"], "the handler")
    chat.process.kill()
    account, = status(rig, expect=1)
    assert account["user_id"] == rig.user_id, account
    assert account["events"] == {"waiting": 1, "set_aside": 0}, account
    code, out, _ = rig.command("status")
    assert code == 1 and "none runs it" in out, out
    assert "echo: 1 waiting, 0 set aside" in out, out


@case("status_of_set_aside", servers=("fake",))
def status_of_set_aside(rig):
    """An event that ended the process too often is shown by name."""
    chat = rig.chat("""
bot:on("message", function(ev) ev:reply("got it"); matrix.sleep(60) end)
""")
    event_id = chat.say("poison")
    for _ in range(3):
        rig.until(lambda: status(rig)[0]["scripts"][0]["tasks"], "it runs")
        chat.process.kill()
        chat.process = rig.run()
    account = rig.until(
        lambda: [a for a in status(rig) if a["set_aside"]], "the letter")[0]
    letter, = account["set_aside"]
    assert letter["event_id"] == event_id, letter
    assert (letter["script"], letter["attempts"]) == ("echo", 3), letter
    assert account["events"]["set_aside"] == 1, account
    code, out, _ = rig.command("status")
    assert code == 0 and event_id in out, out
    chat.process.stop()


@case("status_while_sync_fails", servers=("fake",))
def status_while_sync_fails(rig):
    """An outage, and a dead login, are told; exit 1."""
    chat = rig.chat('bot:on("message", print)\n')
    down = rig.server.fail("sync", 503, {}, times=None)
    account = rig.until(
        lambda: [a for a in json.loads(rig.command("status", "--json")[1])
                 ["accounts"] if a["sync"]["state"] == "failing"],
        "the outage")[0]
    assert "503" in account["sync"]["error"], account
    assert rig.command("status")[0] == 1
    down.off()
    rig.until(lambda: rig.command("status")[0] == 0, "it works again")
    chat.process.stop()


@case("report_by_signal", servers=("fake",))
def report_by_signal(rig):
    """SIGUSR1 writes the same, with every task, to standard error."""
    chat = rig.chat(SLOW)
    chat.answer(chat.say("!slow"))
    chat.process.signal(signal.SIGUSR1)
    chat.process.until_logged("echo.lua:2: in")
    log = chat.process.log()
    for text in (f"account main: {rig.user_id}", "sync       ok",
                 "handler for !slow (echo.lua:2), ", "every 3600 s"):
        assert text in log, (text, log)
    chat.process.kill()


@case("no_descriptor_left", servers=("fake",))
def no_descriptor_left(rig):
    """Out of descriptors the control socket waits; nothing spins."""
    chat = rig.chat('bot:on("message", function(ev) ev:reply(ev.body) end)\n')
    chat.ask("warm")
    pid = chat.process.pid
    path = rig.path / "run" / "lunatrix" / "main.sock"
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)

    def ticks():
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))

    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    with socket.socket(socket.AF_UNIX) as talk:
        talk.connect(str(path))
        chat.process.until_logged("cannot accept")
        used, end = ticks(), time.monotonic() + 1.5
        rig.until(lambda: time.monotonic() > end, "a while")
        used = (ticks() - used) / os.sysconf("SC_CLK_TCK")
        assert used < 0.75, f"{used} s of CPU in 1.5 s"
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        talk.sendall(b'{"do":"status"}\n')
        assert json.loads(talk.makefile().readline())["running"]
    assert chat.process.log().count("cannot accept") == 1
    chat.process.stop()


@case("secrets_and_hup", servers=("fake",), timeout=180)
def secrets_and_hup(rig):
    """On HUP a descriptor's secret is still known, a slow command ends."""
    rig.login()
    rig.write("given", "from-descriptor\n", 0o600)
    program = rig.program
    rig.program = str(rig.write(
        "wrapper", f'#!/bin/sh\nexec 3< given\nexec "{program}" "$@"\n', 0o755))
    rig.write("slow", "#!/bin/sh\ntest -e hang && sleep 60\necho printed\n"
              "test -e stay && exec sleep 60 >&-\ntrue\n", 0o755)
    secrets = {"a": {"fd": 3}, "b": {"command": ["./slow"]}}

    def configure(word):
        rig.config({"echo": {"secrets": secrets, "config": {"word": word}}})

    rig.script("""
bot:command("say", function(ev)
    ev:reply(bot.config.word .. " " .. #bot.secrets.a .. " " .. #bot.secrets.b)
end)
""")
    configure("one")
    chat = Chat(rig, rig.run())
    assert chat.ask("!say") == "one 15 7"
    configure("two")
    chat.process.signal(signal.SIGHUP)
    rig.until(lambda: chat.ask("!say") == "two 15 7", "the new word")
    rig.write("hang", "")
    configure("three")
    chat.process.signal(signal.SIGHUP)
    chat.process.until_logged("takes too long")
    assert chat.ask("!say") == "two 15 7"
    (rig.path / "bot" / "hang").unlink()
    rig.write("stay", "")       # it prints, and does not end
    chat.process.signal(signal.SIGHUP)
    chat.process.until_logged("takes too long", 2, timeout=20)
    assert chat.ask("!say") == "two 15 7"
    rig.program = program
    chat.process.stop()


@case("secrets_in_errors", servers=("fake",))
def secrets_in_errors(rig):
    """An error text that holds a secret is shown without it: by status and
    reload, and on disk."""
    rig.login()
    key = rig.write("key", CANARY + "-key\n", 0o600)
    rig.may_leak.add(key)
    failing = 'error("the key is " .. bot.secrets.key:reveal())'
    rig.script(f'bot:command("bad", function() {failing} end)\n'
               'bot:on("message", function(ev) ev:reply(ev.body) end)\n')
    rig.config({"echo": {"secrets": {"key": {"file": str(key)}}}})
    chat = Chat(rig, rig.run())
    chat.say("!bad")
    chat.ask("hello")
    rig.script(failing + "\n")
    code, out, err = rig.command("reload")
    assert code == 65 and "the key is (secret)" in out + err, out + err
    script, = status(rig, expect=65)[0]["scripts"]
    for text in script["refused"]["error"], script["errors"][0]["error"]:
        assert "the key is (secret)" in text, text
    assert CANARY not in out + err + json.dumps(script)
    chat.process.stop()
