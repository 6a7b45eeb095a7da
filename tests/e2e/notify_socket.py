"""A service manager's side of systemd's notify protocol."""

import socket
import threading
import time


class NotifySocket:
    """Collects datagrams. Each is a dict of its lines, and "at", a time."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        # How $NOTIFY_SOCKET writes it.
        self.name = address.replace("\0", "@")
        self.messages = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            text = self.socket.recv(65536).decode()
            assert text.endswith("\n"), text
            message = dict(line.split("=", 1) for line in text.splitlines())
            self.messages.append({**message, "at": time.monotonic()})

    def said(self, name):
        return [m for m in self.messages if name in m]

    def events(self):
        """The names that came, without the watchdog's and bare statuses."""
        return [name for m in list(self.messages) for name in m
                if name in ("READY", "RELOADING", "STOPPING")]

    def status(self):
        """The last one."""
        shown = self.said("STATUS")
        return shown[-1]["STATUS"] if shown else ""
