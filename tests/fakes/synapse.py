"""A real Synapse: where it comes from, and how one is started.

obtain() tries pip, in a virtual environment kept outside the tree, and where
that fails debootstrap of Debian sid, which needs root. Synapse() runs one,
in a folder of its own, on a free port of 127.0.0.1.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

from fakes import cache, client, rooms

VERSION = "1.163.0"

LIMITS = "\n".join(
    f"{name}: {value}" for name, value in {
        "rc_message": "{per_second: 10000, burst_count: 10000}",
        "rc_registration": "{per_second: 10000, burst_count: 10000}",
        "rc_login": "{address: {per_second: 10000, burst_count: 10000}, "
                    "account: {per_second: 10000, burst_count: 10000}, "
                    "failed_attempts: {per_second: 10000, "
                    "burst_count: 10000}}",
        "rc_joins": "{local: {per_second: 10000, burst_count: 10000}, "
                    "remote: {per_second: 10000, burst_count: 10000}}",
        "rc_joins_per_room": "{per_second: 10000, burst_count: 10000}",
        "rc_invites": "{per_room: {per_second: 10000, burst_count: 10000}, "
                      "per_user: {per_second: 10000, burst_count: 10000}, "
                      "per_issuer: {per_second: 10000, burst_count: 10000}}",
        "rc_room_creation": "{per_second: 10000, burst_count: 10000}",
    }.items())

# What is asked of message limits when they are wanted: Synapse's defaults.
DEFAULT_MESSAGE_LIMIT = "{per_second: 0.2, burst_count: 10}"

CONFIG = """
server_name: localhost
pid_file: {folder}/homeserver.pid
listeners:
  - port: {port}
    bind_addresses: ["127.0.0.1"]
    type: http
    resources: [{{names: [client]}}]
database:
  name: sqlite3
  args: {{database: {folder}/homeserver.db}}
log_config: {folder}/log.yaml
media_store_path: {folder}/media
signing_key_path: {folder}/signing.key
trusted_key_servers: []
report_stats: false
registration_shared_secret: "{secret}"
macaroon_secret_key: "{secret}"
form_secret: "{secret}"
enable_registration: true
enable_registration_without_verification: true
suppress_key_server_warning: true
presence: {{enabled: false}}
bcrypt_rounds: 4
refreshable_access_token_lifetime: 1h
{limits}
"""

LOG = """
version: 1
formatters: {{f: {{format: "%(asctime)s %(levelname)s %(name)s %(message)s"}}}}
handlers: {{file: {{class: logging.FileHandler, formatter: f,
                  filename: {folder}/homeserver.log}}}}
root: {{level: WARNING, handlers: [file]}}
"""


class CannotObtain(Exception):
    """Neither way works here; the text has both reasons."""


class CannotStart(Exception):
    """It was obtained but does not come up."""


class Command:
    """How Synapse is called, and where its files lie as it sees them."""

    def __init__(self, words, root=None):
        self.words = words
        self.root = root            # of the chroot, or None

    def folder(self):
        """A new folder: its path here, and its path for Synapse."""
        if self.root is None:
            path = tempfile.mkdtemp(prefix="lunatrix-synapse-")
            return path, path
        path = tempfile.mkdtemp(prefix="lunatrix-synapse-",
                                dir=self.root / "var" / "tmp")
        return path, "/" + str(pathlib.Path(path).relative_to(self.root))


def from_pip():
    try:
        folder = cache.venv("synapse-" + VERSION,
                            [f"matrix-synapse=={VERSION}"])
    except cache.Failed as first:
        try:
            folder = cache.venv("synapse-newest", ["matrix-synapse"])
        except cache.Failed:
            raise first from None
    command = Command([str(folder / "bin" / "python")])
    cache.run([*command.words, "-c", "import synapse.app.homeserver"], 60)
    return command


def from_sid():
    if os.geteuid() != 0:
        raise cache.Failed("debootstrap needs root")
    if not shutil.which("debootstrap"):
        cache.run(["apt-get", "-qq", "update"], 300)
        cache.run(["apt-get", "-qq", "-y", "install", "debootstrap"], 300)

    def make(root):
        cache.run(["debootstrap", "--variant=minbase", "sid", root], 900)
        for words in (["update"], ["install", "-y",
                                   "--no-install-recommends",
                                   "matrix-synapse"]):
            cache.run(["chroot", root, "env",
                       "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq",
                       *words], 900)
    root = cache.once("synapse-sid", make)
    return Command(["chroot", str(root), "python3"], root)


def obtain():
    """A Command; raises CannotObtain where neither way works."""
    reasons = []
    for name, way in (("pip", from_pip), ("debootstrap", from_sid)):
        try:
            return way()
        except cache.Failed as why:
            reasons.append(f"{name}: {why}")
    raise CannotObtain("no Synapse here; " + "; ".join(reasons))


def free_port():
    with contextlib.closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Accounts:
    """What scenarios ask of a server whose ledger cannot be read."""

    kind = "synapse"
    name = "localhost"

    def __init__(self, url):
        self.url = url
        self.secrets = []

    def account(self, localpart, password=None):
        """A new account: its user id and its password."""
        password = password or f"canary7f3a-{rooms.identifier()}"
        self.secrets.append(password)
        # Several scenarios share one server: the names must differ.
        localpart = f"{localpart}-{rooms.identifier(4).lower()}"
        user = client.Client(self.url).register(localpart, password)
        return user.user_id, password

    def user(self, localpart, password=None):
        user_id, password = self.account(localpart, password)
        return client.Client(self.url, user_id).login(password)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class Synapse(Accounts):
    """One of our own, which can be killed and started again."""

    def __init__(self, command, message_limit=None):
        super().__init__(None)
        self.command = command
        self.process = None
        self.path, inside = command.folder()
        self.inside = inside
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        limits = LIMITS
        if message_limit:
            limits = limits.replace(
                "rc_message: {per_second: 10000, burst_count: 10000}",
                f"rc_message: {message_limit}")
        self._write("config.yaml", CONFIG.format(
            folder=inside, port=self.port, limits=limits,
            secret=rooms.identifier()))
        self._write("log.yaml", LOG.format(folder=inside))

    def _write(self, name, text):
        (pathlib.Path(self.path) / name).write_text(text, encoding="utf-8")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.close()

    def start(self, timeout=90):
        words = [*self.command.words, "-m", "synapse.app.homeserver",
                 "--config-path", f"{self.inside}/config.yaml"]
        output = open(f"{self.path}/output", "ab")
        if not os.path.exists(f"{self.path}/signing.key"):
            subprocess.run([*words, "--generate-keys"], stdout=output,
                           stderr=output, cwd=self.path, check=False)
        # Its session is its own, so that all of it can be ended.
        self.process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            cwd=self.path, start_new_session=True)
        output.close()
        end = time.monotonic() + timeout
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(
                        f"{self.url}/_matrix/client/versions",
                        timeout=5) as answer:
                    return json.load(answer)
            except (OSError, ValueError):
                time.sleep(0.1)
        log = pathlib.Path(self.path, "output").read_text(errors="replace")
        raise CannotStart(f"Synapse does not answer:\n{log[-2000:]}")

    def die(self):
        """SIGKILL, as when the machine loses its power."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def come_back(self):
        self.start()

    def close(self):
        self.die()
        shutil.rmtree(self.path, ignore_errors=True)
