"""The samples of README.md and docs/ as bots: they do what the text says."""

import pathlib
import re

from e2e.cases import case
from e2e.chat import answers_to

TOP = pathlib.Path(__file__).resolve().parents[2]
SAMPLE = re.compile(r"^```lua\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Lines in the first column of a file that only registers.
REGISTERS = re.compile(
    r'bot:(on|command|every|after)\(|bot\.(version|reload|concurrency) ='
    r'|local function |local \w+( = ({}|"[^"]*"|\d+))?$|end\b|[})\]]|--|\s|$')


def samples(name):
    return SAMPLE.findall((TOP / name).read_text(encoding="utf-8"))


def readme(word):
    """The first sample of README.md that holds a word."""
    return next(s for s in samples("README.md") if word in s)


@case("docs_echo", servers=("fake",))
def docs_echo(rig):
    """The first sample of README.md is the whole bot it says it is."""
    chat = rig.chat(samples("README.md")[0])
    event_id = chat.say("is that all?")
    reply = chat.answer(event_id)
    assert reply["content"]["body"] == "is that all?", reply
    assert answers_to(reply) == event_id
    # "Save it again while it runs: the next message is answered by the new".
    rig.script(samples("README.md")[0].replace(
        "ev.body", 'ev.body .. "!"'))
    status, out, err = rig.command("reload")
    assert status == 0, (out, err)
    assert chat.ask("and now?") == "and now?!"
    chat.process.stop()


@case("docs_invite", servers=("fake",))
def docs_invite(rig):
    """The script of README.md accepts the invite."""
    chat = rig.chat(readme("ev.room:join"), rooms=0, autojoin="never")
    chat.new_room()             # waits until the bot has joined
    chat.process.stop()


@case("docs_roll", servers=("fake",))
def docs_roll(rig):
    """The roll command: arguments, defaults, a usage line, help."""
    chat = rig.chat(readme('bot:command("roll'))
    for call, least, most in (("!roll", 1, 6), ("!roll 3", 3, 18),
                              ("!roll 2 1", 2, 2)):
        said = chat.ask(call)
        match = re.fullmatch(r"you rolled (\d+)", said)
        assert match and least <= int(match[1]) <= most, (call, said)
    wrong = chat.ask("!roll many")
    assert "roll [count:int=1] [sides:int=6]" in wrong, wrong
    assert "some dice" in chat.ask("!help")
    chat.process.stop()


@case("docs_samples_load", servers=("fake",))
def docs_samples_load(rig):
    """Every sample that is a script of its own passes `lunatrix check`."""
    files = []
    pages = ["README.md", *(str(p.relative_to(TOP))
                            for p in sorted((TOP / "docs").rglob("*.md")))]
    for page in pages:
        for number, text in enumerate(samples(page)):
            lines = text.splitlines()
            if "bot:" in text and all(map(REGISTERS.match, lines)):
                name = f"{pathlib.Path(page).stem}{number}.lua"
                files.append(rig.write(f"samples/{page.count('/')}{name}",
                                       text))
    assert len(files) > 20, files
    status, out, err = rig.command("check", *files)
    assert status == 0, out + err


@case("tutorial")
def tutorial(rig):
    """docs/tutorial.md, from `new` to a bot in a room, as it is written."""
    alice = rig.server.user("alice")
    blocks = iter(BLOCK.findall(
        (TOP / "docs/tutorial.md").read_text(encoding="utf-8")))
    ran = []
    for kind, text in blocks:
        if kind == "lua":
            name = re.match(r"-- (\S+\.lua)\n", text)[1]
            rig.write(f"tea/{name}",
                      text.replace("@me:example.org", alice.user_id))
            continue
        assert kind == "sh", f"nothing says what this is:\n{text}"
        command = text.split("#")[0].split()[1:]
        ran.append(command[0])
        if command[0] == "login":
            rig.login("teabot")
        elif command[0] == "tea":           # cd tea, then run
            tutorial_run(rig, alice)
        else:
            said = next(blocks)[1] if command[0] == "try" else None
            status, out, err = rig.command(*command, text=said)
            assert status == 0, out + err
            wanted = next(blocks)[1]
            assert out == wanted, f"{text}prints\n{out}\nnot\n{wanted}"
    assert ran == ["new", "try", "try", "test", "login", "tea"], ran


def tutorial_run(rig, alice):
    process = rig.start("run", "--watch", "--config", "tea/lunatrix.lua")
    process.until_logged("ready: ")
    room = alice.create_room([rig.user_id])
    rig.until(lambda: alice.members(room).get(rig.user_id) == "join",
              "the bot joins")

    def answer(to):
        event_id = alice.say(room, to)
        return rig.until(lambda: [
            e["content"]["body"] for e in alice.timeline(room)
            if answers_to(e) == event_id], f"an answer to {to}")[0]

    assert answer("!tea black") == "ready in 4m"
    main = rig.path / "bot/tea/main.lua"
    source = main.read_text(encoding="utf-8")
    main.write_text(source.replace("black = 4", "black = 3"))
    process.until_logged("generation 2 replaces 1")
    assert answer("!tea black") == "ready in 3m"
    main.write_text(source.replace("ev:reply", "ev:reply("))
    process.until_logged("did not load")
    assert answer("!tea black") == "ready in 3m"
    process.stop()
