"""The other people in the rooms: a small Matrix client for tests."""

import http.client
import itertools
import json
import os
import socket
import threading
import time
import urllib.parse


class MatrixError(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


def quote(text):
    return urllib.parse.quote(text, safe="")


class Client:
    """One login. Calls may come from several threads; each gets a socket."""

    def __init__(self, url, user_id=None):
        self.host = urllib.parse.urlsplit(url).netloc
        self.user_id = user_id
        self.token = None
        self.local = threading.local()
        self.numbers = itertools.count()
        self.prefix = f"t{os.getpid()}-{time.monotonic_ns()}"

    def request(self, method, path, body=None, query=None, timeout=60):
        path = "/_matrix/client/v3" + path
        if query:
            path += "?" + urllib.parse.urlencode(query)
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body)
        for attempt in (1, 2):
            connection = getattr(self.local, "connection", None)
            if connection is None:
                connection = http.client.HTTPConnection(self.host,
                                                        timeout=timeout)
                self.local.connection = connection
            try:
                if connection.sock is None:
                    # Head and body go out apart: do not hold the second.
                    connection.connect()
                    connection.sock.setsockopt(socket.IPPROTO_TCP,
                                               socket.TCP_NODELAY, 1)
                connection.request(method, path, data, headers)
                answer = connection.getresponse()
                text = answer.read()
                break
            except (http.client.HTTPException, ConnectionError) as error:
                # A kept connection may have been closed meanwhile.
                connection.close()
                self.local.connection = None
                if attempt == 2 or isinstance(error, ConnectionRefusedError):
                    raise
        result = json.loads(text) if text else {}
        if answer.status != 200:
            raise MatrixError(answer.status, result)
        return result

    def register(self, localpart, password):
        answer = self.request("POST", "/register", {
            "username": localpart, "password": password,
            "auth": {"type": "m.login.dummy"}, "inhibit_login": True})
        self.user_id = answer["user_id"]
        return self

    def login(self, password, **more):
        answer = self.request("POST", "/login", {
            "type": "m.login.password", "password": password,
            "identifier": {"type": "m.id.user", "user": self.user_id},
            **more})
        self.token = answer["access_token"]
        return self

    def create_room(self, invite=(), **more):
        return self.request("POST", "/createRoom", {
            "preset": "private_chat", "invite": list(invite),
            **more})["room_id"]

    def send(self, room_id, kind, content, txn_id=None):
        txn_id = txn_id or f"{self.prefix}-{next(self.numbers)}"
        return self.request(
            "PUT", f"/rooms/{quote(room_id)}/send/{quote(kind)}/"
            f"{quote(txn_id)}", content)["event_id"]

    def say(self, room_id, body, **content):
        return self.send(room_id, "m.room.message",
                         {"msgtype": "m.text", "body": body, **content})

    def edit(self, room_id, event_id, body):
        return self.say(room_id, "* " + body, **{
            "m.new_content": {"msgtype": "m.text", "body": body},
            "m.relates_to": {"rel_type": "m.replace", "event_id": event_id}})

    def react(self, room_id, event_id, key):
        return self.send(room_id, "m.reaction", {"m.relates_to": {
            "rel_type": "m.annotation", "event_id": event_id, "key": key}})

    def redact(self, room_id, event_id, reason=None):
        txn_id = f"{self.prefix}-{next(self.numbers)}"
        return self.request(
            "PUT", f"/rooms/{quote(room_id)}/redact/{quote(event_id)}/"
            f"{txn_id}", {"reason": reason} if reason else {})["event_id"]

    def invite(self, room_id, user_id):
        return self.request("POST", f"/rooms/{quote(room_id)}/invite",
                            {"user_id": user_id})

    def join(self, room_id):
        return self.request("POST", f"/rooms/{quote(room_id)}/join", {})

    def leave(self, room_id):
        return self.request("POST", f"/rooms/{quote(room_id)}/leave", {})

    def set_state(self, room_id, kind, content, key=""):
        return self.request("PUT", f"/rooms/{quote(room_id)}/state/"
                            f"{quote(kind)}/{quote(key)}", content)

    def state(self, room_id, kind, key=""):
        return self.request("GET", f"/rooms/{quote(room_id)}/state/"
                            f"{quote(kind)}/{quote(key)}")

    def members(self, room_id):
        """{user id: membership}"""
        answer = self.request("GET", f"/rooms/{quote(room_id)}/members")
        return {e["state_key"]: e["content"]["membership"]
                for e in answer["chunk"]}

    def timeline(self, room_id):
        """All events of a room, oldest first."""
        events, start = [], None
        while True:
            query = {"dir": "b", "limit": 500}
            if start:
                query["from"] = start
            answer = self.request(
                "GET", f"/rooms/{quote(room_id)}/messages", query=query)
            events += answer["chunk"]
            start = answer.get("end")
            if not start or not answer["chunk"]:
                return events[::-1]

    def messages(self, room_id, sender=None):
        """The message events of a room that are no edits, oldest first."""
        return [e for e in self.timeline(room_id)
                if e["type"] == "m.room.message"
                and sender in (None, e["sender"])
                and "m.new_content" not in e["content"]
                and e["content"]]
