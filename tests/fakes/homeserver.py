"""A homeserver in the test's own process, with a ledger and with faults.

It speaks the part of the client-server API that a bot needs, the way Synapse
does: transaction ids count per device and endpoint, a refresh token lives
until its successor is used, a timeline is limited, members load lazily.

    with Homeserver() as server:
        alice = server.user("alice")            # a client, see client.py
        server.fail("send", 429, headers={"Retry-After": "1"}, times=3)
        server.cut("send", "after", chance=0.1)
        server.ledger.until(lambda: len(server.ledger.sends) == 10, "sends")

The operations that faults name stand in the ROUTES table.
"""

import asyncio
import fnmatch
import itertools
import json
import random
import time

from fakes import client, rooms, web
from fakes.ledger import Accepted, Ledger, Seen
from fakes.rooms import Refused
from fakes.web import Response

CANARY = "canary7f3a"       # in every secret: nothing else may contain it

ROUTES = """
GET  /_matrix/client/versions versions
GET  /_matrix/client/v3/login flows
POST /_matrix/client/v3/login login
POST /_matrix/client/v3/register register
POST /_matrix/client/v3/refresh refresh
POST /_matrix/client/v3/logout logout
GET  /_matrix/client/v3/account/whoami whoami
GET  /_matrix/client/v3/capabilities capabilities
POST /_matrix/client/v3/user/*/filter filter
GET  /_matrix/client/v3/sync sync
POST /_matrix/client/v3/createRoom create
POST /_matrix/client/v3/join/* join_any
GET  /_matrix/client/v3/joined_rooms joined_rooms
GET  /_matrix/client/v3/directory/room/* alias
GET  /_matrix/client/v3/profile/* profile
POST /_matrix/client/v3/keys/upload keys
POST /_matrix/client/v3/keys/query keys
POST /_matrix/client/v3/rooms/*/join join
POST /_matrix/client/v3/rooms/*/leave leave
POST /_matrix/client/v3/rooms/*/invite invite
POST /_matrix/client/v3/rooms/*/kick kick
POST /_matrix/client/v3/rooms/*/ban ban
POST /_matrix/client/v3/rooms/*/unban unban
GET  /_matrix/client/v3/rooms/*/members members
GET  /_matrix/client/v3/rooms/*/joined_members joined_members
GET  /_matrix/client/v3/rooms/*/messages messages
GET  /_matrix/client/v3/rooms/*/event/* event
GET  /_matrix/client/v3/rooms/*/state full_state
GET  /_matrix/client/v3/rooms/*/state/* get_state
GET  /_matrix/client/v3/rooms/*/state/*/* get_state
PUT  /_matrix/client/v3/rooms/*/state/* state
PUT  /_matrix/client/v3/rooms/*/state/*/* state
PUT  /_matrix/client/v3/rooms/*/send/*/* send
PUT  /_matrix/client/v3/rooms/*/redact/*/* redact
PUT  /_matrix/client/v3/rooms/*/typing/* nothing
POST /_matrix/client/v3/rooms/*/receipt/*/* nothing
"""
OPEN = {"versions", "flows", "login", "register", "refresh", "unknown"}


def routes():
    table = {}
    for line in ROUTES.split("\n"):
        if line:
            method, path, op = line.split()
            parts = path.split("/")[1:]
            table.setdefault((method, len(parts)), []).append((parts, op))
    return table


def matches(chosen, event):
    """Does an event pass a part of a filter: types and senders?"""
    def listed(patterns, text):
        return any(fnmatch.fnmatchcase(text, p) for p in patterns)
    return not (
        ("types" in chosen and not listed(chosen["types"], event["type"]))
        or listed(chosen.get("not_types", ()), event["type"])
        or ("senders" in chosen and event["sender"] not in chosen["senders"])
        or event["sender"] in chosen.get("not_senders", ()))


class Fault:
    """Something that befalls requests of some operations."""

    def __init__(self, ops, times, chance, when):
        self.ops = {ops} if isinstance(ops, str) else set(ops)
        self.times = times          # None: always
        self.chance = chance
        self.when = when            # of the request; None: any
        self.response = None        # answer this, do nothing
        self.cut = None             # "before", "after" or "body"
        self.change = None          # of the body of the answer
        self.gate = None            # wait for this first
        self.hits = 0

    def off(self):
        self.times = 0


class Homeserver(web.WebServer):
    """See the text at the top. NAME is the server name in user ids."""

    kind = "fake"

    def __init__(self, name="localhost", seed=0):
        super().__init__()
        self.name = name
        self.ledger = Ledger()
        self.random = random.Random(seed)
        self.secrets = []
        self.users = {}
        self.rooms = {}
        self.tokens = {}            # access token -> device
        self.dead_tokens = {}       # access token -> soft_logout
        self.filters = {}
        self.faults = []
        self.to_device = {}         # device id -> [(position, event)]
        self.position = 0
        self.waiting = set()        # futures of long polls
        self.token_lifetime_ms = None
        self.batches = itertools.count(1)
        self.table = routes()

    def __enter__(self):
        self.open()
        return self

    def __exit__(self, *_):
        self.close()

    # --- what tests call, from their own thread ---

    def user(self, localpart, password=None):
        """A new account, logged in: a client.Client."""
        user_id, password = self.account(localpart, password)
        return client.Client(self.url, user_id).login(password)

    def account(self, localpart, password=None):
        """A new account: its user id and its password."""
        password = password or f"{CANARY}-{rooms.identifier()}"
        user_id = f"@{localpart}:{self.name}"
        self.secrets.append(password)
        self.users[user_id] = rooms.User(user_id, password)
        return user_id, password

    def _fault(self, ops, times, chance, when):
        fault = Fault(ops, times, chance, when)
        self.do(self.faults.append, fault)
        return fault

    def fail(self, ops, status, body=None, headers=None, times=1, chance=1.0,
             when=None):
        """Answer with a status instead of acting."""
        if body is None:
            body = {"errcode": "M_LIMIT_EXCEEDED" if status == 429
                    else "M_UNKNOWN", "error": "made to fail"}
        fault = self._fault(ops, 0, chance, when)
        fault.response = Response(status, body, headers)
        fault.times = times
        return fault

    def cut(self, ops, cut, times=1, chance=1.0, when=None):
        """Close the connection: "before" acting, "after", in the "body"."""
        fault = self._fault(ops, 0, chance, when)
        fault.cut, fault.times = cut, times
        return fault

    def stall(self, ops, times=1, when=None):
        """Hold requests until release() of what this gives back."""
        fault = self._fault(ops, 0, 1.0, when)
        gate = self.do(asyncio.Event)
        fault.gate, fault.times = gate, times

        def release():
            fault.off()
            self.do(gate.set)
        fault.release = release
        return fault

    def tamper(self, ops, change, times=1, when=None):
        """Let change(body) make another body of a good answer."""
        fault = self._fault(ops, 0, 1.0, when)
        fault.change, fault.times = change, times
        return fault

    def revoke(self, user_id, soft=False):
        """All tokens of a user die; refresh tokens only if not SOFT."""
        def kill():
            for device in self.users[user_id].devices.values():
                self.dead_tokens[device.token] = soft
                self.tokens.pop(device.token, None)
                if not soft:
                    device.refresh_tokens.clear()
            self.wake()
        self.do(kill)

    def expire(self, user_id):
        """The access tokens of a user end; the refresh tokens live."""
        def end():
            for device in self.users[user_id].devices.values():
                device.expired = True
            self.wake()
        self.do(end)

    def say(self, user_id, room_id, body, **content):
        """A message, straight into the room; its event id."""
        return self.inject(room_id, user_id, "m.room.message",
                           {"msgtype": "m.text", "body": body, **content})

    def inject(self, room_id, sender, kind, content, state_key=None, **more):
        """Any event, without a check; its event id."""
        return self.do(self.add, self.rooms[room_id], sender, kind, content,
                       state_key, **more)["event_id"]

    def inject_all(self, events):
        """Many (room_id, sender, type, content) in one sync; their ids."""
        def put():
            return [self.add(self.rooms[r], s, t, c)["event_id"]
                    for r, s, t, c in events]
        return self.do(put)

    def send_to_device(self, user_id, sender, kind, content):
        def put():
            self.position += 1
            for device in self.users[user_id].devices.values():
                self.to_device.setdefault(device.device_id, []).append(
                    (self.position, {"type": kind, "sender": sender,
                                     "content": content}))
            self.wake()
        self.do(put)

    def timeline(self, room_id):
        """All events of a room, oldest first, as the server holds them."""
        return self.do(lambda: list(self.rooms[room_id].events))

    def delivered_to(self, user_id, event_id):
        """How often a sync answer brought an event to the user's devices."""
        return sum(1 for device, _ in self.ledger.delivered.get(event_id, ())
                   if device in self.users[user_id].devices)

    # --- one request, in the server's thread ---

    def route(self, request):
        segments = request.segments
        if segments and segments[-1] == "" and "state" in segments[-3:]:
            segments = segments[:-1]        # an empty state key
        for parts, op in self.table.get((request.method, len(segments)), ()):
            if all(part in ("*", segment)
                   for part, segment in zip(parts, segments)):
                return op, [segment for part, segment in zip(parts, segments)
                            if part == "*"]
        return "unknown", []

    def strike(self, op, request):
        """The fault that befalls this request, or None."""
        for fault in self.faults:
            if fault.times == 0 or not fault.ops & {op, "any"}:
                continue
            if fault.when and not fault.when(request):
                continue
            if fault.chance < 1 and self.random.random() >= fault.chance:
                continue
            if fault.times:
                fault.times -= 1
            fault.hits += 1
            self.ledger.note()
            return fault
        return None

    async def answer(self, request):
        op, arguments = self.route(request)
        user = "-"
        fault = self.strike(op, request)
        if fault and fault.gate:
            await fault.gate.wait()
        if fault and fault.response:
            response = fault.response
        elif fault and fault.cut == "before":
            response = Response(cut="before")
        else:
            try:
                device = None if op in OPEN else self.authorise(request)
                user = device.user.user_id if device else "-"
                result = getattr(self, "op_" + op)(request, device,
                                                   *arguments)
                if asyncio.iscoroutine(result):
                    result = await result
                response = Response(200, result)
            except Refused as refused:
                response = Response(refused.status, refused.body)
            except (ValueError, KeyError, TypeError) as error:
                response = Response(400, {"errcode": "M_BAD_JSON",
                                          "error": repr(error)})
            if fault and fault.change:
                response = Response(200, fault.change(response.body))
            elif fault and fault.cut:
                response.cut = {"after": "before"}.get(fault.cut, fault.cut)
        self.ledger.requests.append(Seen(
            time.monotonic(), op, request.method, request.path,
            0 if response.cut else response.status, user, bool(fault)))
        self.ledger.note()
        return response

    def authorise(self, request):
        scheme, _, token = request.headers.get("authorization",
                                               "").partition(" ")
        if scheme != "Bearer" or not token:
            raise Refused(401, "M_MISSING_TOKEN", "no access token")
        device = self.tokens.get(token)
        if device is None:
            raise Refused(401, "M_UNKNOWN_TOKEN", "unknown access token",
                          soft_logout=self.dead_tokens.get(token, False))
        if token == device.next_token:
            # The successor is in use: the old pair ends here.
            self.dead_tokens[device.token] = True
            self.tokens.pop(device.token, None)
            device.token, device.next_token = token, None
            device.expired = False
            newest = max(device.refresh_tokens.values())
            device.refresh_tokens = {
                t: n for t, n in device.refresh_tokens.items() if n == newest}
        elif device.expired:
            raise Refused(401, "M_UNKNOWN_TOKEN", "access token expired",
                          soft_logout=True)
        return device

    def wake(self):
        for future in self.waiting:
            if not future.done():
                future.set_result(None)
        self.waiting.clear()
        self.ledger.note()

    def add(self, room, sender, kind, content, state_key=None, **more):
        """An event into a room; whoever polls is woken."""
        self.position += 1
        event = room.append(self.position, sender, kind, content, state_key,
                            **more)
        if kind == "m.room.member" and state_key in self.users:
            self.users[state_key].rooms[room.room_id] = (
                content.get("membership"), self.position)
        if kind == "m.room.redaction":
            target = room.by_id.get(content.get("redacts"))
            if target:
                target["content"] = {}
                target.setdefault("unsigned", {})["redacted_because"] = event
        self.wake()
        return event

    def room(self, room_id):
        if room_id not in self.rooms:
            raise Refused(404, "M_NOT_FOUND", f"no room {room_id}")
        return self.rooms[room_id]

    # --- login ---

    def op_versions(self, *_):
        return {"versions": ["v1.1", "v1.6", "v1.11", "v1.12"],
                "unstable_features": {}}

    def op_flows(self, *_):
        return {"flows": [{"type": "m.login.password"},
                          {"type": "m.login.token"}]}

    def op_login(self, request, _):
        body = request.json()
        if body["type"] != "m.login.password":
            raise Refused(400, "M_UNKNOWN", "only m.login.password here")
        name = body["identifier"]["user"]
        user_id = name if name.startswith("@") else f"@{name}:{self.name}"
        user = self.users.get(user_id)
        if not user or user.password != body.get("password"):
            raise Refused(403, "M_FORBIDDEN", "Invalid username or password")
        device_id = body.get("device_id") or rooms.identifier(8)
        device = user.devices.setdefault(device_id,
                                         rooms.Device(user, device_id))
        answer = {"user_id": user_id, "device_id": device_id,
                  "home_server": self.name,
                  **self.new_tokens(device, body.get("refresh_token"))}
        device.token, device.next_token = answer["access_token"], None
        device.expired = False
        return answer

    def new_tokens(self, device, refreshable):
        token = f"syt_{CANARY}_{rooms.identifier()}"
        self.secrets.append(token)
        self.tokens[token] = device
        answer = {"access_token": token}
        if refreshable:
            refresh = f"syr_{CANARY}_{rooms.identifier()}"
            self.secrets.append(refresh)
            newest = max(device.refresh_tokens.values(), default=0)
            device.refresh_tokens[refresh] = newest + 1
            answer["refresh_token"] = refresh
            if self.token_lifetime_ms:
                answer["expires_in_ms"] = self.token_lifetime_ms
        return answer

    def op_refresh(self, request, _):
        given = request.json()["refresh_token"]
        for user in self.users.values():
            for device in user.devices.values():
                if given in device.refresh_tokens:
                    answer = self.new_tokens(device, True)
                    device.next_token = answer["access_token"]
                    return answer
        raise Refused(401, "M_UNKNOWN_TOKEN", "unknown refresh token",
                      soft_logout=False)

    def op_register(self, request, _):
        body = request.json()
        if body.get("auth", {}).get("type") != "m.login.dummy":
            raise Refused(401, "M_MISSING_PARAM", "needs m.login.dummy",
                          flows=[{"stages": ["m.login.dummy"]}])
        user_id = f"@{body['username']}:{self.name}"
        self.users[user_id] = rooms.User(user_id, body["password"])
        return {"user_id": user_id}

    def op_logout(self, _, device):
        self.tokens.pop(device.token, None)
        self.dead_tokens[device.token] = False
        device.user.devices.pop(device.device_id, None)
        return {}

    def op_whoami(self, _, device):
        return {"user_id": device.user.user_id,
                "device_id": device.device_id, "is_guest": False}

    def op_capabilities(self, *_):
        return {"capabilities": {}}

    def op_keys(self, *_):
        return {"one_time_key_counts": {}, "device_keys": {}, "failures": {}}

    def op_nothing(self, *_):
        return {}

    def op_unknown(self, request, *_):
        raise Refused(404, "M_UNRECOGNIZED",
                      f"unknown: {request.method} {request.path}")

    # --- rooms ---

    def op_create(self, request, device):
        body = request.json()
        me = device.user.user_id
        version = body.get("room_version", "11")
        room = rooms.Room(f"!{rooms.identifier()}:{self.name}", version)
        self.rooms[room.room_id] = room

        def state(kind, content, key=""):
            self.add(room, me, kind, content, key)
        state("m.room.create", {"room_version": version, "creator": me,
                                **body.get("creation_content", {})})
        self.member(room, me, me, "join")
        state("m.room.power_levels", {
            **rooms.LEVELS, "users": {me: 100}, "events": {},
            **body.get("power_level_content_override", {})})
        public = body.get("preset") == "public_chat"
        state("m.room.join_rules",
              {"join_rule": "public" if public else "invite"})
        for event in body.get("initial_state", ()):
            state(event["type"], event["content"], event.get("state_key", ""))
        if body.get("name"):
            state("m.room.name", {"name": body["name"]})
        if body.get("topic"):
            state("m.room.topic", {"topic": body["topic"]})
        if body.get("room_alias_name"):
            state("m.room.canonical_alias", {
                "alias": f"#{body['room_alias_name']}:{self.name}"})
        for user_id in body.get("invite", ()):
            self.member(room, me, user_id, "invite",
                        is_direct=body.get("is_direct"))
        return {"room_id": room.room_id}

    def member(self, room, sender, user_id, membership, reason=None,
               is_direct=None):
        content = {"membership": membership}
        user = self.users.get(user_id)
        if user and user.displayname:
            content["displayname"] = user.displayname
        if reason:
            content["reason"] = reason
        if is_direct:
            content["is_direct"] = True
        return self.add(room, sender, "m.room.member", content, user_id)

    def find(self, name):
        """A room by id or alias."""
        if not name.startswith("#"):
            return self.room(name)
        for room in self.rooms.values():
            event = room.state.get(("m.room.canonical_alias", ""))
            if event and event["content"].get("alias") == name:
                return room
        raise Refused(404, "M_NOT_FOUND", f"no alias {name}")

    def op_alias(self, _, __, alias):
        return {"room_id": self.find(alias).room_id, "servers": [self.name]}

    def op_join_any(self, request, device, name):
        return self.op_join(request, device, self.find(name).room_id)

    def op_join(self, _, device, room_id):
        room, me = self.room(room_id), device.user.user_id
        rule = room.state["m.room.join_rules", ""]["content"]["join_rule"]
        before = room.membership(me)
        if before == "ban" or (rule != "public"
                               and before not in ("invite", "join")):
            raise Refused(403, "M_FORBIDDEN", "You are not invited")
        if before != "join":
            self.member(room, me, me, "join")
        return {"room_id": room_id}

    def op_leave(self, request, device, room_id):
        room, me = self.room(room_id), device.user.user_id
        if room.membership(me) not in ("join", "invite"):
            raise Refused(403, "M_FORBIDDEN", "You are not in the room")
        self.member(room, me, me, "leave", request.json().get("reason"))
        return {}

    def change_member(self, request, device, room_id, action, membership):
        room, me, body = self.room(room_id), device.user.user_id, \
            request.json()
        room.require_joined(me)
        room.require(me, action)
        target = body["user_id"]
        if action == "invite" and room.membership(target) in ("join", "ban"):
            raise Refused(403, "M_FORBIDDEN", f"{target} cannot be invited")
        if action in ("kick", "ban") and \
                room.power(target) >= room.power(me):
            raise Refused(403, "M_FORBIDDEN", f"{target} is too powerful")
        self.member(room, me, target, membership, body.get("reason"))
        return {}

    def op_invite(self, request, device, room_id):
        return self.change_member(request, device, room_id, "invite",
                                  "invite")

    def op_kick(self, request, device, room_id):
        return self.change_member(request, device, room_id, "kick", "leave")

    def op_ban(self, request, device, room_id):
        return self.change_member(request, device, room_id, "ban", "ban")

    def op_unban(self, request, device, room_id):
        return self.change_member(request, device, room_id, "ban", "leave")

    def op_members(self, _, device, room_id):
        room = self.room(room_id)
        room.require_joined(device.user.user_id)
        return {"chunk": [e for (kind, _), e in room.state.items()
                          if kind == "m.room.member"]}

    def op_joined_members(self, _, device, room_id):
        room = self.room(room_id)
        room.require_joined(device.user.user_id)
        return {"joined": {e["state_key"]: {
            "display_name": e["content"].get("displayname")}
            for e in room.members("join")}}

    def op_joined_rooms(self, _, device):
        return {"joined_rooms": [
            room_id for room_id, (m, _) in device.user.rooms.items()
            if m == "join"]}

    def op_profile(self, _, __, user_id):
        if user_id not in self.users:
            raise Refused(404, "M_NOT_FOUND", f"no user {user_id}")
        name = self.users[user_id].displayname
        return {"displayname": name} if name else {}

    def op_event(self, _, device, room_id, event_id):
        room = self.room(room_id)
        room.require_joined(device.user.user_id)
        if event_id not in room.by_id:
            raise Refused(404, "M_NOT_FOUND", "no such event")
        return room.by_id[event_id]

    def op_messages(self, request, device, room_id):
        room = self.room(room_id)
        room.require_joined(device.user.user_id)
        limit = int(request.query.get("limit", 10))
        start = request.query.get("from")
        everything = list(zip(room.positions, room.events))
        if request.query.get("dir", "b") == "b":
            end = int(start[1:]) if start else self.position
            chosen = [pair for pair in everything if pair[0] <= end]
            chosen = chosen[::-1][:limit]
            rest = chosen[-1][0] - 1 if chosen else 0
        else:
            end = int(start[1:]) if start else 0
            chosen = [pair for pair in everything if pair[0] > end][:limit]
            rest = chosen[-1][0] if chosen else end
        answer = {"chunk": [event for _, event in chosen],
                  "start": start or f"t{end}", "end": f"t{rest}"}
        if len(chosen) < limit:
            del answer["end"]
        return answer

    # --- sending ---

    def once(self, device, endpoint, txn_id, act):
        """Do act() unless this device did it: the event id either way."""
        key = (endpoint, txn_id)
        if key in device.transactions:
            self.ledger.repeats += 1
        else:
            device.transactions[key] = act()
        return {"event_id": device.transactions[key]}

    def op_send(self, request, device, room_id, kind, txn_id):
        room, me, content = self.room(room_id), device.user.user_id, \
            request.json()
        if len(request.body) > 65000:
            raise Refused(413, "M_TOO_LARGE", "event too large")
        room.require_joined(me)
        room.require(me, "events_default")

        def act():
            event = self.add(room, me, kind, content)
            self.accepted(device, room, kind, content, txn_id, event)
            return event["event_id"]
        return self.once(device, f"send/{room_id}/{kind}", txn_id, act)

    def accepted(self, device, room, kind, content, txn_id, event):
        event["unsigned"] = {"transaction_id": txn_id}
        event["device"] = device.device_id
        if ("m.room.encryption", "") in room.state and \
                kind == "m.room.message":
            self.ledger.alarms.append(event)
        self.ledger.sends.append(Accepted(
            time.monotonic(), device.device_id, device.user.user_id,
            room.room_id, kind, content, txn_id, event["event_id"]))
        self.ledger.note()

    def op_redact(self, request, device, room_id, event_id, txn_id):
        room, me, body = self.room(room_id), device.user.user_id, \
            request.json()
        room.require_joined(me)
        target = room.by_id.get(event_id)
        if not target:
            raise Refused(404, "M_NOT_FOUND", "no such event")
        if target["sender"] != me:
            room.require(me, "redact")

        def act():
            content = {**body, "redacts": event_id}
            event = self.add(room, me, "m.room.redaction", content)
            if room.version not in ("11", "12"):
                event["redacts"] = event_id
            self.accepted(device, room, "m.room.redaction", content, txn_id,
                          event)
            return event["event_id"]
        return self.once(device, f"redact/{room_id}/{event_id}", txn_id, act)

    def op_state(self, request, device, room_id, kind, key=""):
        room, me = self.room(room_id), device.user.user_id
        room.require_joined(me)
        room.require(me, "state_default")
        event = self.add(room, me, kind, request.json(), key)
        return {"event_id": event["event_id"]}

    def op_get_state(self, _, device, room_id, kind, key=""):
        room = self.room(room_id)
        room.require_joined(device.user.user_id)
        if (kind, key) not in room.state:
            raise Refused(404, "M_NOT_FOUND", "no such state")
        return room.state[kind, key]["content"]

    def op_full_state(self, _, device, room_id):
        room = self.room(room_id)
        room.require_joined(device.user.user_id)
        return list(room.state.values())

    # --- sync ---

    def op_filter(self, request, _, __):
        filter_id = str(len(self.filters) + 1)
        self.filters[filter_id] = request.json()
        return {"filter_id": filter_id}

    async def op_sync(self, request, device):
        chosen = request.query.get("filter", "{}")
        chosen = json.loads(chosen) if chosen.startswith("{") else \
            self.filters[chosen]
        since = request.query.get("since")
        since = int(since.lstrip("s")) if since else None
        end = time.monotonic() + int(request.query.get("timeout", 0)) / 1000
        if since is not None:
            # What was acknowledged is deleted, as servers do.
            self.to_device[device.device_id] = [
                pair for pair in self.to_device.get(device.device_id, ())
                if pair[0] > since]
        while True:
            answer, events = self.sync_answer(device, since, chosen)
            left = end - time.monotonic()
            if answer.keys() - {"next_batch"} or since is None or left <= 0:
                batch = next(self.batches)
                for event in events:
                    self.ledger.delivered.setdefault(
                        event["event_id"], []).append(
                            (device.device_id, batch))
                return answer
            future = self.loop.create_future()
            self.waiting.add(future)
            try:
                await asyncio.wait([future], timeout=left)
            finally:
                self.waiting.discard(future)
            # The token may have died while we waited.
            self.authorise(request)

    def sync_answer(self, device, since, chosen):
        """The answer as it is now, and the timeline events in it."""
        chosen = chosen.get("room", {})
        answer, told = {"next_batch": f"s{self.position}"}, []
        sections = {}
        for room_id, (membership, at) in device.user.rooms.items():
            room = self.rooms[room_id]
            fresh = since is None or at > since
            if membership == "join" and (fresh
                                         or room.positions[-1] > since):
                entry, events = self.joined(room, device, since, at, chosen)
                if not (fresh or events or entry["state"]["events"]):
                    continue
                sections.setdefault("join", {})[room_id] = entry
                told += events
            elif membership == "invite" and fresh:
                sections.setdefault("invite", {})[room_id] = {
                    "invite_state": {"events": self.stripped(room, device)}}
            elif membership in ("leave", "ban") and since is not None \
                    and at > since:
                pairs = room.since(since, at)
                sections.setdefault("leave", {})[room_id] = {
                    "timeline": {"events": self.shown(pairs, device),
                                 "limited": False},
                    "state": {"events": []}}
                told += [event for _, event in pairs]
        if sections:
            answer["rooms"] = sections
        pending = self.to_device.get(device.device_id)
        if pending:
            answer["to_device"] = {"events": [event for _, event in pending]}
        return answer, told

    def joined(self, room, device, since, joined_at, chosen):
        """A joined room's part of the answer, and its timeline."""
        # Synapse's own bound, where its configuration names no other.
        limit = min(chosen.get("timeline", {}).get("limit", 10), 100)
        changed_self = since is not None and joined_at > since and \
            self.was_joined(room, device.user.user_id, since)
        initial = since is None or (joined_at > since and not changed_self)
        pairs = [pair for pair in room.since(0 if initial else since)
                 if matches(chosen.get("timeline", {}), pair[1])]
        limited = len(pairs) > limit
        pairs = pairs[-limit:] if limit else []
        start = pairs[0][0] - 1 if pairs else self.position
        if initial or limited:
            known = {} if initial else room.state_at(since)
            state = {key: event for key, event in
                     room.state_at(start).items()
                     if known.get(key) is not event}
        else:
            state = {}
        state = {key: event for key, event in state.items()
                 if matches(chosen.get("state", {}), event)}
        if chosen.get("state", {}).get("lazy_load_members"):
            speakers = {event["sender"] for _, event in pairs}
            speakers.add(device.user.user_id)
            state = {key: event for key, event in state.items()
                     if key[0] != "m.room.member" or key[1] in speakers}
        entry = {
            "timeline": {"events": self.shown(pairs, device),
                         "limited": limited, "prev_batch": f"t{start}"},
            "state": {"events": list(state.values())},
            "ephemeral": {"events": []}, "account_data": {"events": []},
            "unread_notifications": {},
        }
        if initial:
            entry["summary"] = {
                "m.joined_member_count": len(room.members("join")),
                "m.invited_member_count": len(room.members("invite"))}
        return entry, [event for _, event in pairs]

    @staticmethod
    def was_joined(room, user_id, position):
        event = room.state_at(position).get(("m.room.member", user_id))
        return event and event["content"].get("membership") == "join"

    @staticmethod
    def shown(pairs, device):
        """Events as one device sees them."""
        result, now = [], int(time.time() * 1000)
        for _, event in pairs:
            event = dict(event)
            own = event.pop("device", None) == device.device_id
            unsigned = dict(event.get("unsigned", {}))
            if not own:
                unsigned.pop("transaction_id", None)
            unsigned["age"] = now - event["origin_server_ts"]
            event["unsigned"] = unsigned
            event.pop("room_id", None)
            result.append(event)
        return result

    @staticmethod
    def stripped(room, device):
        keys = [("m.room.create", ""), ("m.room.name", ""),
                ("m.room.join_rules", ""),
                ("m.room.member", device.user.user_id)]
        return [{k: room.state[key][k] for k in
                 ("type", "state_key", "sender", "content")}
                for key in keys if key in room.state]
