"""What the fake homeserver saw: the judge of every test against it."""

import collections
import threading
import time

Accepted = collections.namedtuple(
    "Accepted", "at device user room_id type content txn_id event_id")
Seen = collections.namedtuple(
    "Seen", "at op method path status user fault")


class Ledger:
    """Only the server's thread writes; tests read, and wait in until()."""

    def __init__(self):
        self.requests = []          # Seen, in the order of their answers
        self.sends = []             # Accepted, each once
        self.repeats = 0            # sends whose transaction id was known
        self.delivered = {}         # event id -> [(device id, batch)]
        self.alarms = []            # plain text sent into encrypted rooms
        self.changed = threading.Condition()

    def note(self):
        with self.changed:
            self.changed.notify_all()

    def until(self, condition, what, timeout=30):
        """Wait till condition() holds; fail with WHAT after TIMEOUT."""
        with self.changed:
            if not self.changed.wait_for(condition, timeout):
                text = what() if callable(what) else what
                raise AssertionError(f"not seen within {timeout} s: {text}")

    def count(self, op, since=0.0, status=None):
        return sum(1 for seen in self.requests if seen.op == op
                   and seen.at >= since and status in (None, seen.status))

    def messages(self, room_id=None, user=None):
        """Accepted message events, edits included, in order."""
        return [s for s in self.sends if s.type == "m.room.message"
                and room_id in (None, s.room_id) and user in (None, s.user)]

    @staticmethod
    def now():
        return time.monotonic()
