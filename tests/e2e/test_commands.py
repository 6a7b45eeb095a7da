"""The command line: what each command prints, stores and exits with."""

import os
import pathlib
import signal
import stat

from e2e.cases import case
from e2e.test_chat import ECHO


@case("login_and_out")
def login_and_out(rig):
    """login stores a session, whoami reads it, logout ends it."""
    rig.login()
    session = rig.data("session")
    assert stat.S_IMODE(session.stat().st_mode) == 0o600
    assert stat.S_IMODE(session.parent.stat().st_mode) == 0o700
    status, out, err = rig.command("whoami", "--account", "main")
    assert status == 0, err
    assert rig.user_id in out, out
    status, out, err = rig.command("logout", "--account", "main")
    assert status == 0, err
    assert not session.exists()
    status, out, err = rig.command("whoami", "--account", "main")
    assert status != 0
    assert "log" in out + err, "it should say to log in"


@case("wrong_password")
def wrong_password(rig):
    """It is refused with the server's reason, and nothing is stored."""
    rig.user_id, _ = rig.server.account("bot")
    rig.password_file("canary7f3a-but-wrong")
    status, out, err = rig.log_in()
    assert status == 77, (status, out, err)
    assert "M_FORBIDDEN" in err or "password" in err.lower(), err
    assert out == "", out
    assert not rig.data("session").exists()
    status, _, err = rig.command("run", rig.script(ECHO))
    assert status != 0 and "login" in err, (status, err)


@case("loose_password_file")
def loose_password_file(rig):
    """A password that others can read is refused, with the chmod to run."""
    rig.user_id, password = rig.server.account("bot")
    rig.password_file(password).chmod(0o644)
    status, _, err = rig.log_in()
    assert status not in (0, 69, 75), (status, err)
    assert "chmod" in err, err


@case("loose_session_file", servers=("fake",))
def loose_session_file(rig):
    """A session that others can read is refused, with the chmod to run."""
    rig.login()
    rig.script(ECHO)
    rig.config()
    rig.data("session").chmod(0o644)
    status, _, err = rig.command("run")
    assert status not in (0, 69, 75), (status, err)
    assert "chmod" in err, err
    rig.data("session").chmod(0o600)
    rig.run().stop()


@case("server_not_there")
def server_not_there(rig):
    """login says so and ends with 69."""
    rig.user_id, password = rig.server.account("bot")
    rig.password_file(password)
    status, _, err = rig.command(
        "login", rig.user_id, "--homeserver", "http://127.0.0.1:1",
        "--password-file", rig.path / "password", timeout=110)
    assert status == 69, (status, err)


@case("send")
def send(rig):
    """send works with and without a running bot, prints event ids."""
    chat = rig.chat(ECHO)

    def find(event_id):
        return chat.until(
            lambda t: [e for e in t if e["event_id"] == event_id],
            f"{event_id} in the room")[0]["content"]

    for running in (True, False):
        if not running:
            chat.process.stop()
        status, out, err = rig.command("send", "--room", chat.room,
                                       "hello", "there")
        assert status == 0, err
        assert find(out.strip())["body"] == "hello there"
        status, out, err = rig.command("send", "--room", chat.room, "-",
                                       text="from\nstdin\n")
        assert status == 0, err
        assert find(out.strip())["body"].rstrip("\n") == "from\nstdin"
        status, out, err = rig.command(
            "send", "--room", chat.room, "--html", "<b>bold</b>")
        assert status == 0, err
        content = find(out.strip())
        assert content["formatted_body"] == "<b>bold</b>", content
        assert content["body"] == "bold", content
        status, out, err = rig.command(
            "send", "--room", chat.room, "--markdown", "*soft*")
        assert status == 0, err
        content = find(out.strip())
        assert content["formatted_body"] == "<em>soft</em>", content
        assert content["body"] == "soft", content
        status, out, err = rig.command(
            "send", "--room", chat.room, "--markdown", "--html", "x")
        assert status == 2 and "one of" in err, (status, err)
        status, out, err = rig.command(
            "send", "--room", "!nowhere:localhost", "hello")
        assert status == 1 and out == "", (status, out, err)


@case("send_that_cannot_be", servers=("fake",))
def send_in_vain(rig):
    """send ends when the server says nothing, or no to the login."""
    chat = rig.chat(ECHO)
    chat.process.stop()
    down = rig.server.fail("send", 503, {}, times=None)
    status, out, err = rig.command("send", "--room", chat.room, "a",
                                   timeout=100)
    assert (status, out) == (69, "") and "kept" in err, (status, out, err)
    down.off()
    rig.server.revoke(rig.user_id)
    status, out, err = rig.command("send", "--room", chat.room, "b")
    assert (status, out) == (77, "") and "kept" in err, (status, out, err)


@case("exec_primitives")
def exec_primitives(rig):
    """The script that logs in, sends and syncs with the bare client."""
    user_id, password = rig.server.account("hello")
    rig.user_id = user_id
    rig.write("secrets/hello", password + "\n", 0o600)
    rig.may_leak.add(rig.path / "bot" / "secrets" / "hello")
    rig.write("hello.lua", """
local client = matrix.client{ homeserver = arg[1] }
local login  = assert(client:login{ user = arg[2], password = matrix.secret "hello" })
assert(#login.access_token > 0 and #login.device_id > 0)
local room_id = assert(arg[3], "usage")
assert(client:request("POST", "/_matrix/client/v3/rooms/" .. room_id .. "/join", { body = {} }))
local hello = { msgtype = "m.text", body = "hello from Lua" }
local first  = assert(client:send(room_id, "m.room.message", hello, { txn_id = "hello-1" }))
local second = assert(client:send(room_id, "m.room.message", hello, { txn_id = "hello-1" }))
print(first == second and "same" or "two")
local filter = { room = { rooms = { room_id }, timeline = { types = { "m.room.message" } } } }
for batch in client:sync{ timeout = 30, filter = filter } do
    for ev in batch:events() do
        if not batch.initial and ev.content.body == "ping" then
            assert(client:send(room_id, "m.room.message", { msgtype = "m.notice", body = "pong" }))
        elseif not batch.initial and ev.content.body == "end" then
            return 7
        end
    end
    if batch.initial then print("synced") end
end
print(client.error)
return 9
""")
    alice = rig.server.user("alice")
    room = alice.create_room([user_id])
    process = rig.start("exec", "hello.lua", rig.server.url, user_id, room)

    def said(body):
        return [e for e in alice.messages(room, user_id)
                if e["content"]["body"] == body]
    rig.until(lambda: said("hello from Lua"), process.log)
    rig.until(lambda: "synced" in process.output() + process.log(),
              process.log)
    alice.say(room, "ping")
    rig.until(lambda: said("pong"), process.log)
    alice.say(room, "end")
    assert process.wait() == 7, process.log()
    assert "same" in process.output() + process.log()
    assert len(said("hello from Lua")) == 1
    assert len(said("pong")) == 1


@case("exec_failure", servers=("fake",))
def exec_failure(rig):
    """A plain script that fails says where, with the source; status 1."""
    rig.write("x.lua", 'local function f()\n    error("boom")\nend\n'
              'print("before")\nf()\n')
    status, out, err = rig.command("exec", "x.lua")
    assert (status, out) == (1, "before\n"), (status, out, err)
    assert err.startswith("lunatrix: x.lua:2: boom\n"), err
    assert "\n  →    2 │     error(\"boom\")\n" in err, err
    assert err.endswith("in main chunk (x.lua:5)\n"), err


@case("check", servers=("fake",))
def check(rig):
    """Sound scripts pass; a broken one is shown with file and line."""
    rig.login()
    rig.script(ECHO)
    rig.config()
    status, out, err = rig.command("check")
    assert status == 0, out + err
    rig.write("bad.lua", "local x = 1\nlocal y = = 2\n")
    status, out, err = rig.command("check", "bad.lua")
    assert status == 1, (status, out, err)
    assert "bad.lua:2" in out + err, out + err
    rig.write("bad.lua", 'local x = 1\nbot:onn("message", print)\n')
    status, out, err = rig.command("check", "bad.lua")
    assert status == 1, (status, out, err)
    assert "bad.lua:2" in out + err and "'on'" in out + err, out + err
    assert not rig.server.ledger.sends
    rig.write("bad.lua", 'bot:command("x <y", "h", print)\n')
    status, out, err = rig.command("check", "bad.lua")
    assert status == 1 and "bad.lua:1" in out + err, out + err


SCHEMA = """\
bot.config_schema = { feed = "url", every = "duration=10m" }
bot:on("load", function() print("every " .. bot.config.every) end)
"""


@case("config_schema", servers=("fake",))
def config_schema(rig):
    """A config that a script does not take is told with its line."""
    rig.login()
    rig.write("feed.lua", SCHEMA)
    status, out, err = rig.command("check", "feed.lua")
    assert status == 0, out + err
    rig.write("lunatrix.lua", """return { scripts = { feed = {
        file = "feed.lua",
        config = { feeds = "https://example.org",
                   every = "soon" } } } }
""")
    for command, exit_status in (("check",), 1), (("run", "--once"), 65):
        status, out, err = rig.command(*command)
        text = out + err
        assert status == exit_status, (status, text)
        colon = ":1: error" if command == ("check",) else ""
        for line, what in (3, "'feeds' is no key of this script, did you "
                           "mean 'feed'?"), (4, "'every' must be"), (
                               3, "'feed' is missing"):
            place = f"lunatrix.lua:{line}{colon}: config: {what}"
            assert place in text, (place, text)
    status, out, err = rig.command("check", "--config", rig.write(
        "bad.lua", "return {\n    scrpts = {},\n}\n"))
    assert status == 1 and "bad.lua:2:1: error: unknown key" in out, out


@case("usage", servers=("fake",))
def usage(rig):
    """No arguments: short help. Typing errors: 2, and what was meant."""
    status, out, err = rig.command()
    assert "login" in out + err and "run" in out + err
    for words in (["lgoin"], ["run", "--wach"], ["send", "--rom", "x"],
                  ["send", "--room", "x", "hello"],
                  ["send", "--room", "#x:y", "--html", "--code", "x"]):
        status, out, err = rig.command(*words)
        assert status == 2, (words, status, err)
        assert out == "", out
    status, out, _ = rig.command("help", "send")
    assert status == 0 and "--room" in out
    status, _, err = rig.command("lgoin")
    assert "login" in err, err


@case("bad_configuration", servers=("fake",))
def bad_configuration(rig):
    """An unknown key names file, line and what was meant; status 78."""
    rig.login()
    rig.script(ECHO)
    rig.write("lunatrix.lua", 'return {\n    acounts = {},\n}\n')
    status, _, err = rig.command("run")
    assert status == 78, (status, err)
    assert "lunatrix.lua:2" in err and "accounts" in err, err
    rig.write("lunatrix.lua", 'return {\n    scripts = {\n'
              '        x = { file = "echo.lua",\n'
              '              secrets = { a = "plain" } },\n    },\n}\n')
    status, _, err = rig.command("run")
    assert status == 78 and "plain" not in err, (status, err)


@case("second_process", servers=("fake",))
def second_process(rig):
    """One lock per account: a second run is refused, the first lives on."""
    chat = rig.chat(ECHO)
    second = rig.start("run")
    assert second.wait() != 0
    assert chat.ask("still there?") == "still there?"
    chat.process.stop()


@case("no_core_file", servers=("fake",))
def no_core_file(rig):
    """A crash leaves no core behind: it would hold the token."""
    chat = rig.chat(ECHO)
    limits = pathlib.Path(f"/proc/{chat.process.popen.pid}/limits")
    line = next(text for text in limits.read_text().splitlines()
                if text.startswith("Max core file size"))
    assert line.split()[4:6] == ["0", "0"], line
    chat.process.stop()


@case("run_file_without_configuration")
def run_file_without_configuration(rig):
    """`run echo.lua` needs nothing but a login."""
    rig.login()
    rig.script(ECHO)
    alice = rig.server.user("alice")
    process = rig.start("run", "echo.lua").until_ready()
    # Without a configuration nobody is an admin: the invite stays open.
    room = alice.create_room([rig.user_id])
    status, _, err = rig.command("send", "--room", room, "hello")
    assert status != 0, err
    assert alice.members(room)[rig.user_id] == "invite"
    process.stop()


@case("once")
def once(rig):
    """--once answers what waits, and ends by itself with 0."""
    chat = rig.chat(ECHO)
    first = chat.say("before")
    chat.answer(first)
    chat.process.stop()
    waiting = [chat.say(str(number)) for number in range(10)]
    process = rig.start("run", "--once")
    assert process.wait(60) == 0, process.log()
    chat.assert_each_once([first, *waiting])


@case("dry_run", servers=("fake",))
def dry_run(rig):
    """--dry-run receives and says what it would send; nothing goes out."""
    chat = rig.chat(ECHO)
    chat.process.stop()
    process = rig.run("--dry-run")
    event_id = chat.say("a marked text")
    rig.server.ledger.until(
        lambda: rig.server.delivered_to(rig.user_id, event_id), "delivery")
    rig.until(lambda: "a marked text" in process.output() + process.log(),
              process.log)
    process.stop()
    assert not rig.server.ledger.messages(user=rig.user_id)


@case("interrupted", servers=("fake",))
def interrupted(rig):
    """SIGINT ends it with 130, a second one at once."""
    chat = rig.chat("""
bot:on("message", function(ev) ev:reply("slow"); matrix.sleep(60) end)
""")
    chat.process.signal(signal.SIGINT)
    assert chat.process.wait() == 130
    chat.process = rig.run()
    chat.answer(chat.say("go on"))
    chat.process.signal(signal.SIGINT)
    chat.process.until_logged("stop")
    chat.process.signal(signal.SIGINT)
    assert chat.process.wait(5) in (130, -signal.SIGINT)


@case("report_and_debug", servers=("fake",))
def report_and_debug(rig):
    """SIGUSR1 reports tasks with their place, SIGUSR2 shows more, PIPE not."""
    chat = rig.chat("""
bot:on("message", function(ev) ev:reply("sleeping"); matrix.sleep(60) end)
""")
    chat.answer(chat.say("sleep"))
    chat.process.signal(signal.SIGPIPE)
    chat.process.signal(signal.SIGUSR1)
    chat.process.until_logged("echo.lua:2")
    before = len(chat.process.log())
    chat.process.signal(signal.SIGUSR2)
    chat.say("more")
    rig.until(lambda: len(chat.process.log()) > before, "debug lines")
    chat.process.kill()


@case("watched_folder_of_modules", servers=("fake",))
def watched_modules(rig):
    """A script in a folder, a module beside it; saving the module reloads."""
    rig.login()
    rig.write("multi/words.lua", 'return { word = "old" }\n')
    rig.write("multi/main.lua", """
local words = require "words"
bot:on("message", function(ev) ev:reply(words.word) end)
bot:on("ready", function() print("rig-is-ready") end)
""")
    rig.write("lunatrix.lua", f"""return {{
    accounts = {{ main = {{ user_id = "{rig.user_id}", autojoin = "invited" }} }},
    scripts = {{ multi = {{ file = "multi" }} }},
}}
""")
    from e2e.chat import Chat
    chat = Chat(rig, rig.start("run", "--watch").until_ready())
    assert chat.ask("?") == "old"
    rig.write("multi/words.lua", 'return { word = "new" }\n')
    rig.until(lambda: chat.ask("?") == "new", "the new word")
    # As some editors save: truncate, then write.
    path = rig.path / "bot" / "multi" / "words.lua"
    with open(path, "w", encoding="ascii") as file:
        file.write("return {")
        file.flush()
        os.fsync(file.fileno())
        file.write(' word = "newer" }\n')
    rig.until(lambda: chat.ask("?") == "newer", "the newer word")
    os.remove(path)
    assert chat.ask("?") == "newer"
    chat.process.stop()
