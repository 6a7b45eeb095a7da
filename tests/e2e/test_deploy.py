"""Under a service manager: what it is told, and the folders it gives."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

from e2e import chat
from e2e.cases import case
from e2e.notify_socket import NotifySocket
from e2e.rig import Skip
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


@case("systemd_folders", servers=("fake",))
def systemd_folders(rig):
    """All that it reads and writes is in the folders that a unit names."""
    rig.user_id, password = rig.server.account("bot")
    rig.password_file(password)
    folders = {name: rig.path / "unit" / name.lower() for name in (
        "CONFIGURATION", "STATE", "CACHE", "RUNTIME", "CREDENTIALS")}
    for path in folders.values():
        path.mkdir(parents=True, mode=0o700)
    environment = {f"{name}_DIRECTORY": str(path)
                   for name, path in folders.items()}
    for name in ("DATA_HOME", "CONFIG_HOME", "CACHE_HOME", "RUNTIME_DIR"):
        environment[f"XDG_{name}"] = ""
    rig.may_leak.add(folders["STATE"] / "main" / "session")

    # The script and its settings; a secret, with the mode that credentials
    # have where the file system knows access lists.
    rig.script("""
bot:on("message", function(ev)
    ev:reply(tostring(bot.secrets.token) .. " " .. bot.config.word)
end)
""")
    rig.config(scripts={"echo": {"config": {"word": "set"}, "secrets": {
        "token": {"file": "hook"}}}})
    for name in ("echo.lua", "lunatrix.lua"):
        (rig.path / "bot" / name).rename(folders["CONFIGURATION"] / name)
    secret = folders["CREDENTIALS"] / "hook"
    secret.write_text("not for the log\n")
    secret.chmod(0o440)

    status, out, err = rig.command(
        "login", rig.user_id, "--homeserver", rig.server.url,
        "--password-file", rig.path / "password", **environment)
    assert status == 0, (out, err)
    process = rig.start("run", "--no-watch", **environment).until_ready()
    conversation = chat.Chat(rig, process)
    said = conversation.ask("?")
    assert said.endswith(" set") and "not for" not in said, said
    status, out, err = rig.command("reload", "--force", **environment)
    assert status == 0, (out, err)
    assert (folders["RUNTIME"] / "main.sock").is_socket()
    process.stop()
    made = {path.relative_to(rig.path).parts[0]
            for path in rig.path.rglob("*") if path.is_file()}
    assert made == {"unit", "logs", "password"}, made


def installed(rig):
    """The tree that cmake --install makes, and its prefix in there."""
    build = pathlib.Path(rig.program).parent
    cache = (build / "CMakeCache.txt").read_text()
    prefix = re.search(r"CMAKE_INSTALL_PREFIX:PATH=/(.*)", cache)[1]
    subprocess.run(["cmake", "--install", build], check=True,
                   stdout=subprocess.DEVNULL,
                   env={**os.environ, "DESTDIR": str(rig.path / "dest")})
    return rig.path / "dest" / prefix, f"/{prefix}"


def tool(*command):
    """What a checking tool complains about; None: it is not here."""
    if not shutil.which(command[0]):
        return None
    done = subprocess.run([*map(str, command)], capture_output=True,
                          text=True, check=False)
    return (done.stderr + done.stdout).strip() or \
        (f"exit status {done.returncode}" if done.returncode else "")


@case("install", servers=("fake",))
def install(rig):
    """cmake --install: the program runs, the manual knows every command,
    option and setting, systemd and groff take what is theirs."""
    tree, prefix = installed(rig)
    program = tree / "bin" / "lunatrix"
    shown = subprocess.run([program, "help"], capture_output=True, text=True,
                           check=True).stdout
    commands = re.findall(r"^  (\w+) +\w", shown.split("Commands:")[1],
                          re.MULTILINE)
    page = tree / "share/man/man1/lunatrix.1"
    text = page.read_text().replace("\\-", "-")
    assert len(commands) > 10
    for command in commands:
        if command == "help":
            continue
        assert f".SS lunatrix {command} " in text, command
        shown += subprocess.run([program, "help", command], check=True,
                                capture_output=True, text=True).stdout
    for option in set(re.findall(r"^  --([\w-]+)", shown, re.MULTILINE)):
        assert f"\\fB--{option}\\fR" in text, option
    for section in ("ENVIRONMENT", "EXIT CODES", "SIGNALS"):
        assert f".SH {section}" in text, section
    settings = tree / "share/man/man5/lunatrix.lua.5"
    assert "\n\\fBcatch_up\\fR\n" in settings.read_text()
    for manual in (page, settings):
        for check in (("groff", "-man", "-ww", "-z", "-Tutf8", manual),
                      ("mandoc", "-T", "lint", "-W", "error", manual)):
            said = [line for line in (tool(*check) or "").splitlines()
                    if "warning" in line or "ERROR" in line]
            assert not said, said
    if "completion" in commands:
        for path in ("bash-completion/completions/lunatrix",
                     "zsh/site-functions/_lunatrix",
                     "fish/vendor_completions.d/lunatrix.fish"):
            assert "lunatrix" in (tree / "share" / path).read_text(), path
    scripts = tree / "share/lunatrix/scripts"
    status, out, err = rig.command("check", scripts / "echo.lua")
    assert status == 0, (out, err)
    verify_units(rig, tree, prefix)


def verify_units(rig, tree, prefix):
    units = rig.path / "units"
    units.mkdir()
    for manager, name, instance in (
            ("system", "lunatrix@.service", "rig@one.service"),
            ("user", "lunatrix.service", "rig.service")):
        text = (tree / "lib/systemd" / manager / name).read_text()
        start = f"ExecStart={prefix}/bin/lunatrix "
        assert start in text, text
        codes = re.search(r"^RestartPreventExitStatus=(.*)", text,
                          re.MULTILINE)[1].split()
        assert codes == ["2", "65", "77", "78"], codes
        # Not installed where it says: let it be the program of this test.
        text = text.replace(start, f"ExecStart={rig.program} ")
        for file in {instance, re.sub("@.*[.]", "@.", instance)}:
            (units / file).write_text(text)
        os.environ["XDG_RUNTIME_DIR"] = str(rig.path / "run")
        said = tool("systemd-analyze", f"--{manager}", "verify", "--man=no",
                    units / instance)
        ours = [line for line in (said or "").splitlines() if "rig" in line]
        assert not ours, ours


@case("container_recipe", servers=("fake",))
def container_recipe(rig):
    """The container has the packages of all libraries of the program."""
    top = pathlib.Path(__file__).resolve().parents[2]
    recipe = (top / "docs/deployment/Containerfile").read_text()
    system = pathlib.Path("/etc/os-release").read_text()
    if 'VERSION_ID="12"' not in system or "ID=debian" not in system:
        raise Skip("the recipe is for Debian 12")
    needed = re.findall(r"NEEDED.*\[(.*)\]", subprocess.run(
        ["readelf", "-d", rig.program], check=True, capture_output=True,
        text=True).stdout)
    loaded = dict(re.findall(r"(\S+) => (\S+)", subprocess.run(
        ["ldd", rig.program], check=True, capture_output=True,
        text=True).stdout))
    files = [os.path.realpath(loaded[name]) for name in needed
             if not re.match(r"lib(c|m|gcc_s|asan|ubsan)[.]", name)]
    assert len(files) > 5, needed
    # An installed library may be known by its name before /usr was merged.
    for file in files:
        said = subprocess.run(["dpkg", "-S", f"*/{os.path.basename(file)}"],
                              check=True, capture_output=True,
                              text=True).stdout
        assert any(re.search(rf"\s{re.escape(line.split(':')[0])}\s", recipe)
                   for line in said.splitlines()), said
