#!/usr/bin/env python3
"""What README.md and docs/ say, against the library: every Lua sample compiles
and uses names that exist, every name is in docs/api, no name there is made up,
every relative link leads somewhere. Prints what is wrong; exit status 1 then.
"""

import pathlib
import re
import subprocess
import sys

SAMPLE = re.compile(r"^```lua\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
SPAN = re.compile(r"`([^`\n]+)`")
# A name as pages write it: object, separator, name.
NAME = re.compile(
    r"(bot\.store|matrix\.(?:json|http|log|html|time|uri|crypto|base64)|bot"
    r"|matrix|ev|room|user|member|client|batch|handle|job|task|res|err|secret)"
    r"([.:])(\w+)")


def pages(top):
    return [top / "README.md", *sorted((top / "docs").rglob("*.md"))]


def samples(path):
    """(line, text) of each Lua sample of a page."""
    text = path.read_text(encoding="utf-8")
    for match in SAMPLE.finditer(text):
        yield text.count("\n", 0, match.start(1)) + 1, match[1]


def ask_lua(top):
    """Complaints about samples; and the description: title -> (kind, words)."""
    given = b""
    for path in pages(top):
        for line, text in samples(path):
            data = text.encode()
            given += (f"{path.relative_to(top)} {line} {len(data)}\n"
                      ).encode() + data
    done = subprocess.run(
        ["lua5.4", str(top / "tests/lint/check_docs.lua"),
         str(top / "lua/matrix")], input=given, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = done.stdout.decode(errors="replace")
    complaints, found, rows = output.partition("names\n")
    if done.returncode != 0 or not found:
        return [output.strip() or "tests/lint/check_docs.lua failed"], {}
    names = {}
    for row in rows.splitlines():
        title, kind, words = row.split("\t")
        # Two classes may be called the same: the first is the bots' own.
        names.setdefault(title, (kind, words.split()))
    return complaints.splitlines(), names


def undescribed(top, names):
    """Names of the library that no page of docs/api mentions."""
    text = "\n".join(path.read_text(encoding="utf-8")
                     for path in [*sorted((top / "docs/api").glob("*.md")),
                                  top / "docs/testing-bots.md"])
    for title, (kind, _) in names.items():
        known = re.search(re.escape(title) + r"\b", text)
        if kind == "field":         # a table of fields leaves the object out
            known = known or f"`{re.split('[.:]', title)[-1]}`" in text
        if not known:
            yield f"docs/api: {title} is not mentioned"


def signature(span, names):
    """What is wrong with the code span of a heading."""
    match = NAME.match(span)
    entry = names.get(match[0]) if match else None
    if entry and entry[0] != "field":
        for word in re.findall(r"(\w+) =", span):
            if word not in entry[1]:
                yield f"{match[0]} takes no '{word}'"


def made_up(top, names):
    """Names in code spans of docs/api that the library does not have."""
    for path in sorted((top / "docs/api").glob("*.md")):
        text = BLOCK.sub(lambda m: "\n" * m[0].count("\n"),
                         path.read_text(encoding="utf-8"))
        for number, line in enumerate(text.splitlines(), 1):
            place = f"{path.relative_to(top)}:{number}"
            for span in SPAN.findall(line):
                match = NAME.match(span)
                if match and match[0] not in names:
                    yield f"{place}: there is no {match[0]}"
                if line.startswith("#"):
                    for wrong in signature(span, names):
                        yield f"{place}: {wrong}"


def anchors(path):
    """The fragments of a page's headings, as GitHub makes them."""
    text = BLOCK.sub("", path.read_text(encoding="utf-8"))
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.lower())
        yield plain.strip().replace(" ", "-")


def broken_links(top):
    for path in pages(top):
        text = BLOCK.sub("", path.read_text(encoding="utf-8"))
        for link in LINK.findall(text):
            if re.match(r"[a-z]+:", link):
                continue
            name, _, fragment = link.partition("#")
            target = (path.parent / name).resolve() if name else path
            if not target.exists():
                yield f"{path.relative_to(top)}: {link}: there is no such file"
            elif fragment and fragment not in anchors(target):
                yield f"{path.relative_to(top)}: {link}: no such heading"


def differences(top):
    complaints, names = ask_lua(top)
    yield from complaints
    yield from undescribed(top, names)
    if names:
        yield from made_up(top, names)
    yield from broken_links(top)


def main():
    found = list(differences(pathlib.Path(__file__).resolve().parents[2]))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
