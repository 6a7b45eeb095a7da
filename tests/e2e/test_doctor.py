"""doctor: what may keep bots from running."""

import json

from e2e.cases import case
from e2e.test_chat import ECHO


def doctor(rig, expect, *more, **environment):
    status, out, err = rig.command("doctor", "--json", *more, **environment)
    assert status == expect, (status, out, err)
    answer = json.loads(out)
    assert (answer["failures"] > 0) == (expect == 1), answer
    checks = {}
    for check in answer["checks"]:
        checks.setdefault(check["check"], []).append(check)
    return checks


@case("doctor")
def doctor_of_a_sound_bot(rig):
    """All is well, with and without a running bot; nothing is changed."""
    chat = rig.chat(ECHO)
    checks = doctor(rig, 0)
    for name in ("config", "versions", "limits", "scripts", "folder", "disk",
                 "process", "server", "clock", "token"):
        assert checks[name][0]["level"] == "ok", (name, checks[name])
    assert str(chat.process.pid) in checks["process"][0]["text"], checks
    assert checks["token"][0]["account"] == "main", checks
    assert rig.user_id in checks["token"][0]["text"], checks
    assert "curl" in checks["versions"][0]["text"], checks
    assert checks["tls"][0]["level"] == "warn", checks      # http, loopback
    chat.process.stop()
    assert "none runs it" in doctor(rig, 0)["process"][0]["text"]
    status, out, _ = rig.command("doctor")
    assert status == 0 and "\nok    token      main: " in out, out


@case("doctor_without_a_login", servers=("fake",))
def doctor_without_a_login(rig):
    """It works, and says what to run; it makes no folder."""
    checks = doctor(rig, 0)
    assert checks["login"][0]["level"] == "warn", checks
    assert "lunatrix login" in checks["login"][0]["fix"], checks
    assert "server" not in checks, checks
    assert not rig.data().exists()


@case("doctor_finds", servers=("fake",))
def doctor_finds(rig):
    """Modes, scripts, secrets, configuration, clock, token: each is found."""
    rig.login()
    rig.script(ECHO)
    rig.config({"echo": {"secrets": {"key": {"file": "key"}}}})
    rig.write("secrets/key", "x\n", 0o644)
    rig.may_leak.add(rig.path / "bot" / "secrets" / "key")
    rig.script('bot:onn("message", print)\n')
    rig.data("account.db").touch(0o600)
    rig.data("account.db").chmod(0o640)
    checks = doctor(rig, 1)
    assert "chmod 600" in checks["secrets"][0]["text"], checks
    assert checks["scripts"][0]["level"] == "fail", checks
    assert "echo.lua:1" in checks["scripts"][0]["text"], checks
    assert "chmod 600" in checks["folder"][0]["text"], checks
    assert checks["token"][0]["level"] == "ok", checks
    rig.data("account.db").unlink()
    rig.write("secrets/key", "x\n", 0o600)
    rig.script(ECHO)
    doctor(rig, 0)

    rig.server.revoke(rig.user_id)
    before = rig.data("session").read_bytes()
    checks = doctor(rig, 1)
    assert rig.data("session").read_bytes() == before
    assert "login" in checks["token"][0]["fix"], checks
    rig.data("session").chmod(0o644)
    assert "chmod" in doctor(rig, 1)["login"][0]["text"]
    rig.data("session").chmod(0o600)
    rig.write("lunatrix.lua", "return { acounts = {} }\n")
    checks = doctor(rig, 1)
    assert "accounts" in checks["config"][0]["text"], checks
    assert "versions" in checks, checks


@case("doctor_server_down", servers=("fake",))
def doctor_server_down(rig):
    """A server that is not there is a failure that names it."""
    rig.login()
    session = rig.data("session")
    login = json.loads(session.read_text())
    login["homeserver"] = "http://127.0.0.1:1"
    session.write_text(json.dumps(login))
    checks = doctor(rig, 1)
    assert checks["server"][0]["level"] == "fail", checks
    assert "127.0.0.1" in checks["server"][0]["text"], checks
    assert "token" not in checks, checks
