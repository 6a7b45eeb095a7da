"""Several accounts in one process."""

import signal

from e2e.cases import case
from e2e.notify_socket import NotifySocket

WHO = '''
bot:command("who", function(ev)
    local n = bot.store:update("asked", function(n) return (n or 0) + 1 end)
    ev:reply(("%s %d"):format(bot.user_id, n))
end)
'''
ONLY_OPS = 'bot:command("ops", function(ev) ev:reply("ops here") end)\n'


def two_accounts(rig):
    """Logged in as main and as ops; both in one of alice's rooms."""
    rig.login()
    ops, password = rig.server.account("ops")
    status, out, err = rig.command(
        "login", ops, "--homeserver", rig.server.url, "--account", "ops",
        "--password-file", rig.password_file(password, "ops-password"))
    assert status == 0, out + err
    rig.may_leak.add(rig.data().parent / "ops" / "session")
    configure(rig, ops)
    return ops


def configure(rig, ops, more=""):
    rig.script(WHO, "who", ready=False)
    rig.script(ONLY_OPS, "ops", ready=False)
    rig.write("lunatrix.lua", f'''return {{
        accounts = {{
            main = {{ user_id = "{rig.user_id}", autojoin = "invited" }},
            ops = {{ user_id = "{ops}", autojoin = "invited" }},
            {more}
        }},
        scripts = {{
            who = {{ file = "who.lua" }},
            ops = {{ file = "ops.lua", account = "ops" }},
        }},
    }}''')


def join_both(rig, ops):
    alice = rig.server.user("alice")
    room = alice.create_room([rig.user_id, ops])
    rig.until(lambda: all(alice.members(room).get(u) == "join"
                          for u in (rig.user_id, ops)), "both join")
    return alice, room


def answers(alice, room):
    return sorted(e["content"]["body"] for e in alice.timeline(room)
                  if e["sender"] != alice.user_id
                  and e["type"] == "m.room.message")


@case("two_accounts")
def both_answer(rig):
    """Each runs its own scripts with its own store; reload reaches both."""
    ops = two_accounts(rig)
    configure(rig, ops, 'late = { user_id = "@late:example.org" },')
    process = rig.start("run", "--no-watch")
    assert process.wait() == 78, process.log()
    assert "--account late" in process.log(), process.log()
    configure(rig, ops)
    process = rig.start("run", "--no-watch")
    process.until_logged("ready: ", 2)
    alice, room = join_both(rig, ops)
    alice.say(room, "!who")
    first = sorted([f"{rig.user_id} 1", f"{ops} 1"])
    rig.until(lambda: answers(alice, room) == first, "one answer of each")

    rig.write("who.lua", WHO.replace("%s %d", "%s: %d"))
    status, out, err = rig.command("reload")
    assert status == 0 and out.count("✓ who.lua") == 2, out + err
    alice.say(room, "!who")
    alice.say(room, "!ops")
    rig.until(lambda: answers(alice, room) == sorted(
        first + [f"{rig.user_id}: 2", f"{ops}: 2", "ops here"]),
        lambda: f"the new code's answers: {answers(alice, room)}")
    status, out, err = rig.command("reload", "ops", "--force")
    assert status == 0 and "✓ ops.lua" in out, out + err
    process.stop()


@case("one_account_dies", servers=("fake",))
def one_dies(rig):
    """A dead login ends that account only; the last one ends the process."""
    ops = two_accounts(rig)
    manager = NotifySocket(str(rig.path / "run" / "notify"))
    process = rig.start("run", "--no-watch", NOTIFY_SOCKET=manager.name)
    process.until_logged("ready: ", 2)
    rig.until(lambda: manager.events() == ["READY"], "READY=1")
    alice, room = join_both(rig, ops)
    rig.server.revoke(ops)
    process.until_logged("no longer valid")
    told = (f"listening as {rig.user_id}; "
            f"the login of {ops} is no longer valid")
    rig.until(lambda: manager.status() == told, manager.status)
    process.signal(signal.SIGHUP)       # a reload does not take it away
    rig.until(lambda: manager.events() == ["READY", "RELOADING", "READY"],
              manager.events)
    assert manager.status() == told, manager.status()
    alice.say(room, "!who")
    rig.until(lambda: answers(alice, room) == [f"{rig.user_id} 1"],
              "an answer of the other")
    rig.server.revoke(rig.user_id)
    assert process.wait() == 77, process.log()
    assert manager.status() == "the login is no longer valid"


@case("login_lost_before_ready", servers=("fake",))
def lost_before_ready(rig):
    """A login that is dead at the start is told with what is ready."""
    ops = two_accounts(rig)
    rig.server.revoke(ops)
    manager = NotifySocket(str(rig.path / "run" / "notify"))
    process = rig.start("run", "--no-watch", NOTIFY_SOCKET=manager.name)
    process.until_logged("ready: ")
    told = (f"listening as {rig.user_id}; "
            f"the login of {ops} is no longer valid")
    rig.until(lambda: manager.status() == told, manager.status)
    status, out, _ = rig.command("status", "--account", "main")
    assert status == 0, out
    status, out, _ = rig.command("status")
    assert status == 1, out             # main is well, ops is not
    process.stop()


@case("secret_command_once", servers=("fake",))
def secret_command_once(rig):
    """A command that several scripts and accounts name runs once a time;
    a secret that is gone refuses a reload."""
    ops = two_accounts(rig)
    folder = rig.path / "bot"
    rig.write("count", "#!/bin/sh\necho ran >> ran\necho printed\n", 0o755)
    rig.write("other", "a secret\n", 0o600)

    def secrets(word):
        text = (folder / "lunatrix.lua").read_text()
        for name in ("who", "ops"):
            text = text.replace(
                f'file = "{name}.lua"', f'''file = "{name}.lua", secrets = {{
                    a = {{ command = {{ "./count" }} }},
                    b = {{ file = "{folder}/other" }} }},
                    config = {{ word = "{word}" }}''')
        rig.write("lunatrix.lua", text)

    def ran():
        return (folder / "ran").read_text().count("ran")

    secrets("one")
    process = rig.start("run", "--no-watch").until_logged("ready: ", 2)
    assert ran() == 1
    configure(rig, ops)
    secrets("two")
    process.signal(signal.SIGHUP)
    process.until_logged("generation 2 replaces 1", 3)
    assert ran() == 2
    (folder / "other").unlink()
    process.signal(signal.SIGHUP)
    process.until_logged("the configuration is not reloaded: script ")
    assert process.running(), process.log()
    process.stop()


@case("one_account_is_dead", servers=("fake",))
def one_is_dead(rig):
    """Dead before the start: the other runs, reloads, and stops in time."""
    ops = two_accounts(rig)
    rig.server.revoke(ops)
    process = rig.start("run", "--no-watch").until_logged("ready: ")
    process.until_logged("no longer valid")
    alice = rig.server.user("alice")
    room = alice.create_room([rig.user_id])
    rig.until(lambda: alice.members(room).get(rig.user_id) == "join", "a join")
    alice.say(room, "!who")
    rig.until(lambda: answers(alice, room) == [f"{rig.user_id} 1"], "an answer")
    rig.write("who.lua", WHO.replace("%s %d", "%s: %d"))
    process.signal(signal.SIGHUP)
    process.until_logged("generation 2 replaces 1", 2)
    alice.say(room, "!who")
    rig.until(lambda: len(answers(alice, room)) == 2, "the new code's answer")
    status, out, err = rig.command("reload", "--account", "ops")
    assert status == 0, out + err
    process.stop()
    assert process.log().count("no longer valid") == 1, process.log()


@case("stopped_while_accounts_load", servers=("fake",))
def stopped_while_they_load(rig):
    """SIGTERM comes while one account has loaded and the other has not."""
    two_accounts(rig)
    rig.write("ops.lua", 'bot:on("load", function() matrix.log.info("begins") '
              'matrix.sleep("8s") end)\n')
    process = rig.start("run", "--no-watch").until_logged("begins")
    process.until_logged("generation 1 runs", 2)
    process.signal(signal.SIGHUP)
    process.stop()
    assert "ready: " not in process.log(), process.log()
