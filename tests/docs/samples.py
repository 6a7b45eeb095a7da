#!/usr/bin/env python3
"""Runs every sample of README.md and docs/: samples.py PROGRAM [PAGE].

A Lua sample that only registers is a bot: it is loaded, and spoken to. Lines
that belong into a handler become a command of a bot, in a room where what they
name exists. A test is run, a plain script is run by `exec --offline`, a
configuration is checked. A sample fails when it logs an error. Of shell
samples, commands and options must exist.

Prints "ok PAGE:LINE" or "FAILED PAGE:LINE" and why; exit status 1 on failures.
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Lines in the first column of a file that only registers.
REGISTERS = re.compile(
    r'((local )?\w+ = )?bot:(on|hear|command|every|after|job|cron|webhook)\('
    r'|bot\.(version|reload|concurrency|config_schema) =|bot\.memory\.\w+ ='
    r'|local \w+ = (assert\()?bot:resource|local function |local \w+( = ({.*}|"[^"]*"|\d+))?$|end\b|[})\]]|--|\s|$')
# Not the user, the image or the folder of that name.
CALL = re.compile(r"(?<!-u )\blunatrix (?!-[a-z])([^|<>;&#]*)")
# Done elsewhere, or with what is not to be had here.
ELSEWHERE = {
    "docs/tutorial.md": "the scenario `tutorial` follows it",
    "matrix.client()": "takes the login that `lunatrix login` kept",
}

BOT = """local room, member = nil, nil
bot:command("sample", function(ev)
    bot.memory.began = true
    room, member = ev.room, ev.member
    do
{sample}
    end
end)
"""

CASE = """t.case("{name}", function(w)
    for _, url in ipairs{{ "https://*", "http://*" }} do
        w:http(url, {{ body = '{{"fact":"a","versions":["v1.11"]}}', headers = {{ ["content-type"] = "application/json" }} }})
    end
    w:http("https://example.org/.well-known/matrix/client",
        '{{"m.homeserver":{{"base_url":"https://matrix.example.org"}}}}')
    local room = w:room{{ alias = "ops", power = {{ [w.user_id] = 100 }},
        members = {{ "@ann:test", "@bob:test", "@spam:test" }} }}
    w:room{{ members = {{ "@ann:test" }}, direct = true }}
    local id = room:say("@ann:test", "hello")
    room:react("@ann:test", id, "👍")
    for _, text in ipairs{{ {calls} "1", "yes", "yes" }} do
        room:say("@ann:test", text)
        w:advance("5s")
    end
    w:advance("2h")
    w:log({level})
    t.eq(w:store().failed, nil)
end)
"""

HOOK = 'bot:webhook("push", { verify = false }, function() return 204 end)\n'

PLAIN = """local ann = matrix.client{ homeserver = "https://test" }
for _, name in ipairs{ "ann", "hellobot" } do
    assert(ann:request("POST", "/register", { body = {
        username = name, password = name, auth = { type = "m.login.dummy" } } }))
end
assert(ann:login{ user = "ann", password = "ann" })
local bot = matrix.client{ homeserver = "https://test" }
assert(bot:login{ user = "hellobot", password = "hellobot" })
local room_id = assert(ann:request("POST", "/createRoom",
    { body = { preset = "public_chat" } })).room_id
assert(bot:request("POST", "/join/" .. room_id, { body = {} }))
arg = { room_id }
matrix.spawn(function() -- what syncs for ever, ends
    matrix.sleep(0.3)
    ann:request("POST", "/logout/all", { body = {} })
    bot:send(room_id, "m.room.message", { msgtype = "m.text", body = "wake up" })
    bot:request("POST", "/logout/all", { body = {} })
end)
local client = assert(matrix.client{ homeserver = "https://test" })
assert(client:login{ user = "ann", password = "ann" })
assert(client:save("session"))
do
"""


# What a call of a command says for a parameter of that type.
WORDS = {"int": "2", "number": "1.5", "bool": "yes", "duration": "10m",
         "user": "@alice:test", "room": "#ops:test", "event": "$event",
         "date": "2026-01-31", "url": "https://example.org/"}


def calls(bot):
    """A call of each command that a bot registers, as Lua strings."""
    out = ""
    for usage in re.findall(r'bot:command\("([^"]*)"', bot):
        words = ["!" + usage.split()[0]]
        for rest in re.findall(r"\w+|[<\[].*?[>\]]", usage)[1:]:
            kind = re.sub(r"=.*|\.\.\.", "", rest.strip("<>[]"))
            kind = kind.partition(":")[2]
            words.append(rest if rest[0] not in "<[" else
                         WORDS.get(kind, kind.split("|")[0] or "word"))
        out += f'"{" ".join(words)}", '
    return out


def pages():
    return [TOP / "README.md", *sorted((TOP / "docs").rglob("*.md"))]


def blocks(page):
    """(name, language, text) of each sample."""
    text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start(2)) + 1
        yield f"{page.relative_to(TOP)}:{line}", match[1], match[2]


def here(text):
    """With this server's name."""
    text = re.sub(r"([@#!]\w+):example\.org", r"\1:test", text)
    return text.replace("%3Aexample.org", "%3Atest").replace(
        '"https://example.org" }', '"https://test" }').replace(
            'bot:room("!abc:test")', 'ev.room')


class Run:
    def __init__(self, program):
        self.program = pathlib.Path(program).resolve()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lunatrix-docs-"))
        self.help = {}
        (self.folder / "scripts").symlink_to(TOP / "scripts")
        (self.folder / "secrets").mkdir()
        self.write("rules.md", "be nice")
        (self.folder / "ping.lua").symlink_to(TOP / "scripts/ping.lua")
        for name in ("ann", "hello", "hellobot"):
            self.write(f"secrets/{name}", name).chmod(0o600)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def lunatrix(self, *arguments):
        """Exit status and output."""
        try:
            done = subprocess.run(
                [self.program, *map(str, arguments)], cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
                env={**os.environ, "HOME": str(self.folder),
                     "XDG_DATA_HOME": str(self.folder / "data"),
                     "XDG_RUNTIME_DIR": str(self.folder)})
        except subprocess.TimeoutExpired:
            return 1, "does not end"
        return done.returncode, done.stdout

    def case(self, name, bot, test):
        self.write("sample.lua", here(bot))
        self.write("sample_test.lua", test)
        return self.lunatrix("test", "sample_test.lua")

    def bot(self, name, bot):
        secrets = "{ token = 'x', hook = 'x', github = 'x', ci = 'x' }"
        return self.case(name, bot, (
            'local t = require "matrix.test"\n'
            f't.script("sample.lua", {{ secrets = {secrets} }})\n'
            + CASE.format(
                name=name, calls=calls(bot),
                level="" if "log.error" in bot else '"warn"')))

    def test(self, name, text):
        if name.startswith("README"):
            bot = next(t for _, _, t in blocks(TOP / "README.md")
                       if 'bot:command("roll' in t)
        else:
            bot = (TOP / "scripts/ping.lua").read_text(encoding="utf-8")
            bot += HOOK
        return self.case(name, bot, text)

    def plain(self, text):
        text = here(text).replace('"!a:test"', "room_id")
        self.write("sample.lua", PLAIN + text + "\nend\n")
        return self.lunatrix("exec", "--offline", "sample.lua")

    def configuration(self, text):
        if not text.startswith("return"):
            text = ('return { scripts = { echo = { file = "scripts/echo.lua",'
                    f"\n{text}\n}} }} }}")
        self.write("lunatrix.lua", text)
        for script in re.findall(r'file = "(\w+\.lua)"', text):
            self.write(script, "bot.concurrency = 1\n")
        result = self.lunatrix("check", "--config", "lunatrix.lua")
        (self.folder / "lunatrix.lua").unlink()
        return result

    def lua(self, name, text):
        if "t.case(" in text:
            return self.test(name, text)
        code = re.sub(r"\A(--.*\n)+", "", text)
        if code.startswith(("return {", "secrets = {", "http = {")):
            return self.configuration(code)
        if "bot.config_schema" in text:     # without an entry: no keys wanted
            return self.lunatrix("check", self.write("sample.lua", text))
        if re.search(r"\bclient\b|matrix\.secret", text) and \
                "bot.client" not in text:
            return self.plain(text)
        if "bot:" in text and all(map(REGISTERS.match, text.splitlines())):
            return self.bot(name, text)
        return self.bot(name, BOT.format(sample=text))

    def shell(self, text):
        for line in text.splitlines():
            for call in CALL.findall(line):
                word, *more = call.split()
                if word not in self.help:
                    status, self.help[word] = self.lunatrix("help", word)
                    if status != 0 and word != "--version":
                        return 1, f"there is no 'lunatrix {word}'"
                for option in more:
                    if option.startswith("--") and len(option) > 2 and \
                            option not in self.help[word]:
                        return 1, f"'lunatrix {word}' takes no {option}"
        return 0, ""

    def sample(self, name, language, text):
        if language == "lua":
            return self.lua(name, text)
        return self.shell(text) if language == "sh" else (0, "")


def is_elsewhere(name, text):
    return any(key in name or key in text for key in ELSEWHERE)


def run_page(page):
    """The results of one page: (passed, text)."""
    run = Run(sys.argv[1])
    results = []
    try:
        for name, language, text in blocks(page):
            if language == "lua" and is_elsewhere(name, text):
                continue
            status, output = run.sample(name, language, text)
            results.append((status == 0, f"ok {name}" if status == 0 else
                            f"FAILED {name}\n    "
                            + "\n    ".join(output.splitlines())))
    finally:
        shutil.rmtree(run.folder)
    return results


def main():
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    chosen = [p for p in pages() if wanted in str(p)]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for results in pool.map(run_page, chosen):
            for passed, text in results:
                failed += not passed
                print(text, flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
