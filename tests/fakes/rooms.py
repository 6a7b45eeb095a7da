"""Users, devices and rooms of the fake homeserver: data, and its rules."""

import base64
import bisect
import os
import time

LEVELS = {"users_default": 0, "events_default": 0, "state_default": 50,
          "ban": 50, "kick": 50, "invite": 0, "redact": 50}


class Refused(Exception):
    """A Matrix error to answer with."""

    def __init__(self, status, errcode, error, **more):
        super().__init__(f"{status} {errcode} {error}")
        self.status = status
        self.body = {"errcode": errcode, "error": error, **more}


def identifier(size=18):
    return base64.urlsafe_b64encode(os.urandom(size)).decode().rstrip("=")


class Device:
    """A login: its tokens, and the transactions that it has done."""

    def __init__(self, user, device_id):
        self.user = user
        self.device_id = device_id
        self.token = None
        self.next_token = None      # issued by a refresh, not used so far
        self.refresh_tokens = {}    # refresh token -> generation
        self.expired = False        # of the access token
        self.expires_ms = None
        self.transactions = {}      # (endpoint, transaction id) -> event id


class User:
    def __init__(self, user_id, password):
        self.user_id = user_id
        self.password = password
        self.displayname = None
        self.devices = {}
        self.rooms = {}             # room id -> (membership, position)


class Room:
    """A timeline with the state that follows from it."""

    def __init__(self, room_id, version):
        self.room_id = room_id
        self.version = version
        self.positions = []         # of self.events, increasing
        self.events = []
        self.by_id = {}
        self.state = {}             # (type, state key) -> event

    def membership(self, user_id):
        event = self.state.get(("m.room.member", user_id))
        return event["content"].get("membership") if event else None

    def members(self, membership):
        return [event for (kind, _), event in self.state.items()
                if kind == "m.room.member"
                and event["content"].get("membership") == membership]

    def levels(self):
        event = self.state.get(("m.room.power_levels", ""))
        return {**LEVELS, **(event["content"] if event else {})}

    def power(self, user_id):
        levels = self.levels()
        users = levels.get("users")
        return (users if isinstance(users, dict) else {}).get(
            user_id, levels["users_default"])

    def require(self, user_id, action):
        if self.power(user_id) < self.levels()[action]:
            raise Refused(403, "M_FORBIDDEN",
                          f"{user_id} may not {action} here")

    def require_joined(self, user_id):
        if self.membership(user_id) != "join":
            raise Refused(403, "M_FORBIDDEN",
                          f"User {user_id} not in room {self.room_id}")

    def append(self, position, sender, kind, content, state_key=None,
               at=None, event_id=None):
        """Add an event and let the state follow; give back the event."""
        event = {
            "event_id": event_id or "$" + identifier(32),
            "room_id": self.room_id, "sender": sender, "type": kind,
            "content": content,
            "origin_server_ts": int((at or time.time()) * 1000),
        }
        if state_key is not None:
            event["state_key"] = state_key
            before = self.state.get((kind, state_key))
            if before:
                event["unsigned"] = {"prev_content": before["content"]}
            self.state[kind, state_key] = event
        self.positions.append(position)
        self.events.append(event)
        self.by_id[event["event_id"]] = event
        return event

    def since(self, position, until=None):
        """The events after POSITION, up to UNTIL, with their positions."""
        first = bisect.bisect_right(self.positions, position)
        last = len(self.positions) if until is None else \
            bisect.bisect_right(self.positions, until)
        return list(zip(self.positions[first:last], self.events[first:last]))

    def state_at(self, position):
        """The state after all events up to POSITION."""
        state = {}
        for where, event in zip(self.positions, self.events):
            if where > position:
                break
            if "state_key" in event:
                state[event["type"], event["state_key"]] = event
        return state
