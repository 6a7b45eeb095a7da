"""A stage for one scenario: folders, the program's processes, the checks.

Everything lives below one temporary folder, which stands for the home of the
person who runs the bot:

    bot/        the current folder: lunatrix.lua and the scripts
    home/ data/ config/ cache/ run/     $HOME and the XDG folders
    logs/       what each process wrote, N.out and N.err
    password    of the bot's account
"""

import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import tempfile
import threading
import time

from e2e import chat
from fakes.homeserver import CANARY

SANITIZER = re.compile(
    rb"ERROR: (Address|Leak|Undefined)\w*Sanitizer|runtime error:")
READY = "rig-is-ready"
READY_LUA = f'\nbot:on("ready", function() print("{READY}") end)\n'


class Skip(Exception):
    """This scenario cannot run here; the text says why."""


class Raw(str):
    """Lua source that stands for itself in a configuration."""


def lua(value, depth=0):
    """A Python value as Lua source."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return '"' + "".join(
            f"\\{ord(c):03d}" if c in '"\\\n' else c for c in value) + '"'
    pad = "    " * (depth + 1)
    if isinstance(value, dict):
        rows = [f'{pad}["{key}"] = {lua(entry, depth + 1)},\n'
                for key, entry in value.items() if entry is not None]
    else:
        rows = [f"{pad}{lua(entry, depth + 1)},\n" for entry in value]
    return "{\n" + "".join(rows) + "    " * depth + "}"


class Process:
    """One run of the program. Its output goes to files."""

    def __init__(self, rig, number, arguments, environment):
        self.rig = rig
        self.out_path = rig.path / "logs" / f"{number}.out"
        self.err_path = rig.path / "logs" / f"{number}.err"
        self.arguments = arguments
        with open(self.out_path, "wb") as out, \
                open(self.err_path, "wb") as err:
            self.popen = subprocess.Popen(
                [rig.program, *arguments], stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, cwd=rig.path / "bot",
                env=environment, umask=0)
        self.pid = self.popen.pid
        self.read_to = 0
        self.text = ""

    def log(self):
        """What it wrote to stderr so far."""
        with open(self.err_path, "rb") as file:
            file.seek(self.read_to)
            more = file.read()
        self.read_to += len(more)
        self.text += more.decode("utf-8", "replace")
        return self.text

    def output(self):
        return self.out_path.read_text(errors="replace")

    def running(self):
        return self.popen.poll() is None

    def until_logged(self, text, times=1, timeout=60):
        """Wait for a text in the log: to pace a scenario, not to judge."""
        def seen():
            if self.log().count(text) >= times:
                return True
            if not self.running():
                raise AssertionError(
                    f"ended with {self.popen.returncode} before it wrote "
                    f"'{text}':\n{self.log()[-3000:]}")
            return False
        self.rig.until(seen, f"'{text}' in the log", timeout)
        return self

    def until_ready(self, timeout=60):
        """Its first sync is done and its script is live."""
        return self.until_logged(READY, 1, timeout)

    def wait(self, timeout=30):
        """Its exit status, once it ends by itself."""
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"still running after {timeout} s: {self.arguments}\n"
                f"{self.log()[-3000:]}") from None

    def signal(self, number):
        self.popen.send_signal(number)

    def kill(self):
        self.popen.kill()
        self.popen.wait()

    def stop(self, timeout=30):
        """SIGTERM; it must end with status 0."""
        self.signal(signal.SIGTERM)
        status = self.wait(timeout)
        assert status == 0, f"exit status {status}:\n{self.log()[-3000:]}"

    def rss(self):
        """Resident memory in bytes."""
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def peak_rss(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmHWM:\s*(\d+)", file.read())[1]) * 1024

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


class Rig:
    def __init__(self, program, server, seed=0, keep=False):
        self.program = str(pathlib.Path(program).resolve())
        self.server = server
        self.random = random.Random(seed)
        self.keep = keep
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="lunatrix-rig-"))
        for name in ("bot", "home", "data", "config", "cache", "run",
                     "logs"):
            (self.path / name).mkdir(mode=0o700)
        self.processes = []
        self.streams = []
        self.user_id = None
        self.may_leak = set()       # paths that hold a secret on purpose

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            for stream in self.streams:
                stream.stop()
            left = [p for p in self.processes if p.running()]
            for process in left:
                process.kill()
            if kind is None:
                assert not left, "left running: " + ", ".join(
                    " ".join(p.arguments) for p in left)
            self.inspect(kind is not None)
        finally:
            if self.keep:
                print(f"kept: {self.path}")
            else:
                shutil.rmtree(self.path, ignore_errors=True)

    # --- files ---

    def write(self, name, text, mode=0o644):
        """A file in the bot's folder, put in place as an editor does."""
        path = self.path / "bot" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(path.name + ".rig-tmp")
        scratch.write_text(text, encoding="utf-8")
        scratch.chmod(mode)
        os.replace(scratch, path)
        return path

    def script(self, source, name="echo", ready=True):
        return self.write(f"{name}.lua", source + (READY_LUA if ready
                                                   else ""))

    def config(self, scripts=None, limits=None, listen=None, **account):
        """lunatrix.lua: one account, and scripts as {name: options}."""
        settings = {"user_id": self.user_id, "autojoin": "invited",
                    **account}
        scripts = {"echo": {}} if scripts is None else scripts
        value = {
            "accounts": {"main": settings},
            "scripts": {name: {"file": f"{name}.lua", **options}
                        for name, options in scripts.items()},
            "limits": limits,
            "listen": listen,
        }
        return self.write("lunatrix.lua", f"return {lua(value)}\n")

    def data(self, name=""):
        """A file of the account's folder."""
        return self.path / "data" / "lunatrix" / "main" / name

    # --- the program ---

    def environment(self, **more):
        keep = {name: value for name, value in os.environ.items()
                if name in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS",
                            "LSAN_OPTIONS", "TZ")}
        return {
            **keep, "LANG": "C.UTF-8", "HOME": str(self.path / "home"),
            "XDG_DATA_HOME": str(self.path / "data"),
            "XDG_CONFIG_HOME": str(self.path / "config"),
            "XDG_CACHE_HOME": str(self.path / "cache"),
            "XDG_RUNTIME_DIR": str(self.path / "run"), **more}

    def start(self, *arguments, **environment):
        """Start the program; the Process, which is running."""
        process = Process(self, len(self.processes),
                          [str(a) for a in arguments],
                          self.environment(**environment))
        self.processes.append(process)
        return process

    def run(self, *options):
        """`lunatrix run` with the configuration, up to its first sync."""
        watch = () if "--watch" in options else ("--no-watch",)
        return self.start("run", *watch, *options).until_ready()

    def command(self, *arguments, text=None, timeout=60, **environment):
        """A command to its end: (exit status, stdout, stderr)."""
        number = len(self.processes)
        done = subprocess.run(
            [self.program, *map(str, arguments)], input=text or "",
            capture_output=True, text=True, errors="replace",
            cwd=self.path / "bot", umask=0, timeout=timeout, check=False,
            env=self.environment(**environment))
        # Kept, so that inspect() sees what was written here too.
        self.write_log(f"c{number}-{time.monotonic_ns()}",
                       done.stdout + done.stderr)
        return done.returncode, done.stdout, done.stderr

    def write_log(self, name, text):
        (self.path / "logs" / name).write_text(text, encoding="utf-8")

    def login(self, localpart="bot"):
        """An account for the bot, and the program logged in to it."""
        self.user_id, password = self.server.account(localpart)
        self.password_file(password)
        status, out, err = self.log_in()
        assert status == 0, f"login: exit status {status}\n{out}{err}"
        return self

    def password_file(self, password, name="password"):
        path = self.path / name
        path.write_text(password + "\n", encoding="utf-8")
        path.chmod(0o600)
        self.may_leak.add(path)
        return path

    def log_in(self, *more):
        return self.command(
            "login", self.user_id, "--homeserver", self.server.url,
            "--account", "main",
            "--password-file", self.path / "password", *more)

    def chat(self, source, *options, rooms=1, **config):
        """The usual stage: logged in, script running, alice in a room."""
        if not self.user_id:
            self.login()
        self.script(source)
        self.config(**config)
        return chat.Chat(self, self.run(*options), rooms)

    # --- waiting ---

    @staticmethod
    def until(condition, what, timeout=60):
        """Wait till condition() is true; give back what it gave."""
        end = time.monotonic() + timeout
        while True:
            result = condition()
            if result:
                return result
            if time.monotonic() > end:
                text = what() if callable(what) else what
                raise AssertionError(f"not seen within {timeout} s: {text}")
            time.sleep(0.02)

    def stream(self, user_id, rooms, rate=100, total=None):
        """Messages into rooms of the fake at a steady rate, from now on."""
        stream = Stream(self.server, user_id, rooms, rate, total)
        self.streams.append(stream)
        stream.start()
        return stream

    # --- what every scenario must leave behind ---

    def inspect(self, failed):
        complaints = [*self.sanitizer_reports(), *self.leaks(),
                      *self.modes(), *self.damages()]
        if complaints and not failed:
            raise AssertionError("\n".join(complaints))
        for complaint in complaints:
            print(complaint)
        if failed:
            for path in sorted((self.path / "logs").iterdir(),
                               key=lambda p: p.stat().st_mtime)[-4:]:
                print(f"--- {path.name}")
                print(path.read_text(errors="replace")[-4000:])

    def sanitizer_reports(self):
        for path in (self.path / "logs").iterdir():
            data = path.read_bytes()
            match = SANITIZER.search(data)
            if match:
                start = match.start()
                yield (f"{path.name}: "
                       + data[start:start + 4000].decode(errors="replace"))

    def leaks(self):
        """Secrets all hold the canary; only the session file may."""
        allowed = self.may_leak | {self.data("session")}
        for folder, _, names in os.walk(self.path):
            for name in names:
                path = pathlib.Path(folder, name)
                if path in allowed or not path.is_file():
                    continue
                if CANARY.encode() in path.read_bytes():
                    yield f"a secret is in {path.relative_to(self.path)}"

    def modes(self):
        """All ran with umask 0: what the program makes must be private."""
        for top in (self.path / "data" / "lunatrix",
                    self.path / "cache" / "lunatrix",
                    self.path / "run" / "lunatrix"):
            if not top.exists():
                continue
            found = [top] + [pathlib.Path(folder, name)
                             for folder, folders, files in os.walk(top)
                             for name in folders + files]
            for path in found:
                mode = stat.S_IMODE(path.lstat().st_mode)
                wanted = 0o700 if path.is_dir() else 0o600
                if mode & ~wanted and not path.is_symlink():
                    yield (f"{path.relative_to(self.path)} has mode "
                           f"{mode:04o}")

    def damages(self):
        for path in self.data().glob("*.db"):
            with contextlib.closing(sqlite3.connect(path)) as db:
                result = db.execute("PRAGMA integrity_check").fetchone()[0]
            if result != "ok":
                yield f"{path.name}: {result}"


class Stream:
    """Says "m0", "m1", ... into rooms in turn, RATE a second."""

    def __init__(self, server, user_id, rooms, rate, total):
        self.server = server
        self.user_id = user_id
        self.rooms = rooms
        self.rate = rate
        self.total = total
        self.said = []              # (room id, event id), in order
        self.error = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.thread.start()

    def _run(self):
        begin = time.monotonic()
        try:
            while len(self.said) != self.total:
                number = len(self.said)
                late = begin + number / self.rate - time.monotonic()
                if self.stopping.wait(max(late, 0)):
                    return
                room = self.rooms[number % len(self.rooms)]
                self.said.append((room, self.server.say(
                    self.user_id, room, f"m{number}")))
        except Exception as error:      # shown by stop()
            self.error = error

    def join(self, timeout):
        """Wait till all is said."""
        self.thread.join(timeout)
        assert not self.thread.is_alive(), "the stream did not end"
        self.stop()

    def stop(self):
        self.stopping.set()
        if self.thread.is_alive():
            self.thread.join(30)
        if self.error:
            raise self.error
