"""Durable jobs, and kill -9."""

import collections
import pathlib

from e2e.cases import case

REMIND = (pathlib.Path(__file__).resolve().parents[2]
          / "scripts/remind.lua").read_text()


def reminders(chat, room=None):
    """How often each text was sent that is no answer to a command."""
    return collections.Counter(
        e["content"]["body"] for e in chat.from_bot(
            chat.alice.timeline(room or chat.room))
        if not e["content"]["body"].startswith("ok, "))


def until_reminded(chat, texts):
    chat.until(lambda _: set(texts) <= set(reminders(chat)),
               f"reminders {texts}")
    assert reminders(chat) == dict.fromkeys(texts, 1), reminders(chat)


@case("jobs_survive_a_kill")
def jobs_survive(rig):
    """Killed between the promise and its time: each reminder comes once,
    those that were due while the bot was down as soon as it is back."""
    chat = rig.chat(REMIND)
    for number, delay in enumerate(("1s", "2s", "3s", "6s")):
        answer = chat.ask(f"!remind {delay} tea {number}")
        assert answer == f"ok, #{number + 1} in {delay}", answer
    chat.process.kill()
    chat.process = rig.run()
    until_reminded(chat, [f"tea {n}" for n in range(4)])
    assert chat.ask("!remind 0s last") == "ok, #5 in 0s"
    until_reminded(chat, [f"tea {n}" for n in range(4)] + ["last"])
    chat.process.stop()


@case("jobs_killed_as_they_run", servers=("fake",), timeout=240)
def jobs_killed(rig):
    """Killed as the reminder is sent, before and after the server acts."""
    chat = rig.chat(REMIND)
    texts = []
    for number, cut in enumerate(("before", "after", "before", "after")):
        text = f"{cut} {number}"
        hit = []

        def strike(request, hit=hit, text=text):
            if request.json().get("body") != text:
                return False
            chat.process.popen.kill()
            hit.append(1)
            return True
        rig.server.cut("send", cut, when=strike)
        texts.append(text)
        chat.ask(f"!remind 0s {text}")
        rig.until(lambda hit=hit: hit, "the kill")
        chat.process.popen.wait()
        chat.process = rig.run()
        until_reminded(chat, texts)
    chat.ask("!remind 0s last")
    until_reminded(chat, texts + ["last"])
    chat.process.stop()


@case("jobs_after_a_kill_of_the_command", servers=("fake",), timeout=240)
def command_killed(rig):
    """Killed as the promise is sent: the command that comes again finds its
    job, so the reminder comes once."""
    chat = rig.chat(REMIND)

    def strike(request):
        if not request.json().get("body", "").startswith("ok, "):
            return False
        chat.process.popen.kill()
        return True
    rig.server.cut("send", "before", when=strike)
    said = chat.say("!remind 1s tea")
    rig.until(lambda: chat.process.popen.poll() is not None, "the kill")
    chat.process.popen.wait()
    chat.process = rig.run()
    assert chat.answer(said)["content"]["body"] == "ok, #1 in 1s"
    until_reminded(chat, ["tea"])
    assert chat.ask("!remind 0s last") == "ok, #2 in 0s"
    until_reminded(chat, ["tea", "last"])
    chat.process.stop()
