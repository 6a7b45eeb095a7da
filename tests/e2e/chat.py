"""People and a bot in rooms, and what can be asked of their timelines."""

import collections


def answers_to(event):
    """The event id that a message is a reply to, or None."""
    relates = event["content"].get("m.relates_to", {})
    return relates.get("m.in_reply_to", {}).get("event_id")


def edits(event):
    """The event id that a message is an edit of, or None."""
    relates = event["content"].get("m.relates_to", {})
    return relates.get("event_id") \
        if relates.get("rel_type") == "m.replace" else None


class Chat:
    """Alice's rooms with the bot in them; the first one is `room`."""

    def __init__(self, rig, process, rooms=1):
        self.rig = rig
        self.process = process
        self.alice = rig.server.user("alice")
        self.rooms = [self.new_room() for _ in range(rooms)]
        self.room = self.rooms[0] if rooms else None

    def new_room(self, wait=True, **more):
        """A room that the bot was invited to, and has joined."""
        bot = self.rig.user_id
        room = self.alice.create_room([bot], **more)
        if wait:
            self.rig.until(
                lambda: self.alice.members(room).get(bot) == "join",
                f"{bot} joins {room}")
        return room

    def say(self, body, room=None, **content):
        return self.alice.say(room or self.room, body, **content)

    def until(self, condition, what, room=None, timeout=60):
        """Wait till condition(timeline) is true; give back what it gave."""
        room = room or self.room
        seen = []

        def check():
            seen[:] = self.alice.timeline(room)
            return condition(seen)
        return self.rig.until(
            check, lambda: f"{what}; the bot is "
            f"{'running' if self.process.running() else 'gone'}; "
            "the timeline ends with:\n" + "\n".join(
                f"{e['sender']} {e['type']} {e['content']}"
                for e in seen[-8:]), timeout)

    def from_bot(self, timeline, kind="m.room.message"):
        return [e for e in timeline if e["sender"] == self.rig.user_id
                and e["type"] == kind and e["content"]]

    def replies(self, event_id, timeline):
        return [e for e in self.from_bot(timeline)
                if answers_to(e) == event_id and not edits(e)]

    def answer(self, event_id, room=None, timeout=60):
        """Wait for the bot's reply to an event; the reply."""
        return self.until(lambda t: self.replies(event_id, t),
                          f"a reply to {event_id}", room, timeout)[0]

    def ask(self, body, room=None, timeout=60, **content):
        """Say something, wait for the reply; its body."""
        event_id = self.say(body, room, **content)
        return self.answer(event_id, room, timeout)["content"]["body"]

    def assert_each_once(self, event_ids, room=None):
        """Each of these has exactly one reply from the bot."""
        count = collections.Counter(
            answers_to(e) for e in self.from_bot(
                self.alice.timeline(room or self.room)) if not edits(e))
        wrong = {e: count[e] for e in event_ids if count[e] != 1}
        assert not wrong, f"replies per message, where not one: {wrong}"


class Answers:
    """Replies and edits in the fake's ledger, counted as they come."""

    def __init__(self, ledger, user_id):
        self.ledger = ledger
        self.user_id = user_id
        self.read = 0
        self.replies = collections.defaultdict(list)    # event id -> bodies
        self.edits = collections.Counter()              # of what
        self.reply_of = {}          # reply's event id -> what it answers
        self.order = collections.defaultdict(list)      # room -> answered

    def update(self):
        sends = self.ledger.sends
        while self.read < len(sends):
            sent = sends[self.read]
            self.read += 1
            if sent.user != self.user_id or sent.type != "m.room.message":
                continue
            event = {"content": sent.content}
            if edits(event):
                self.edits[edits(event)] += 1
            elif answers_to(event):
                target = answers_to(event)
                self.replies[target].append(sent.content["body"])
                self.reply_of[sent.event_id] = target
                self.order[sent.room_id].append(target)
        return self

    def until_all(self, event_ids, timeout=120):
        wanted = set(event_ids)

        def missing():
            return wanted - self.update().replies.keys()
        self.ledger.until(
            lambda: not missing(), lambda: f"{len(missing())} of "
            f"{len(wanted)} messages have no reply", timeout)

    def assert_once(self, event_ids):
        self.update()
        wrong = {e: self.replies.get(e, []) for e in event_ids
                 if len(self.replies.get(e, ())) != 1}
        assert not wrong, (f"{len(wanted_lost(wrong))} lost, "
                           f"{len(wrong) - len(wanted_lost(wrong))} doubled "
                           f"of {len(event_ids)}: {dict(list(wrong.items())[:5])}")

    def assert_in_order(self, said):
        """Replies stand in each room in the order of what they answer."""
        place = {event_id: number for number, (_, event_id)
                 in enumerate(said)}
        for room, answered in self.update().order.items():
            numbers = [place[e] for e in answered if e in place]
            assert numbers == sorted(numbers), f"out of order in {room}"


def wanted_lost(wrong):
    return [event_id for event_id, bodies in wrong.items() if not bodies]
