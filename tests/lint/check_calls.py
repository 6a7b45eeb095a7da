#!/usr/bin/env python3
"""Every call of src/calls is in docs/internals/calls.md with its flags, and
the other way round. Prints what differs; exit status 1 when anything does.
"""

import pathlib
import re
import sys

ROW = re.compile(r'\{\s*"([a-z_]+\.[a-z_]+)",\s*([A-Z_0-9 |\s]+?),\s*\w+,'
                 r'\s*\w+\s*\}')
# What the doc says for a flag. CALL_RECORDED is told in prose.
WORDS = {"CALL_NOW": "now", "CALL_PARKS": "parks", "CALL_WRITES": "write",
         "CALL_MATRIX": "matrix", "CALL_EXEC": "exec"}


def in_code(top):
    calls = {}
    for path in sorted((top / "src/calls").glob("call_*.c")):
        for name, flags in ROW.findall(path.read_text(encoding="utf-8")):
            words = {WORDS[f] for f in re.findall(r"CALL_[A-Z]+", flags)
                     if f in WORDS}
            if not words & {"now", "parks"}:
                words.add("waits")
            calls[name] = words
    return calls


def in_doc(top):
    calls = {}
    text = (top / "docs/internals/calls.md").read_text(encoding="utf-8")
    # The calls of the script layer have a table of their own.
    for line in text.split("\nCalls of the script layer")[0].splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 3 and re.fullmatch(r"`[a-z_]+\.[a-z_]+`", cells[1]):
            words = {word.strip().split(" ")[0]
                     for word in cells[2].split(",")}
            calls[cells[1].strip("`")] = words
    return calls


def differences(top):
    code, doc = in_code(top), in_doc(top)
    for name in sorted(code.keys() | doc.keys()):
        if name not in doc:
            yield f"{name} is not in docs/internals/calls.md"
        elif name not in code:
            yield f"{name} is in docs/internals/calls.md and in no table"
        elif code[name] != doc[name]:
            yield (f"{name}: the table says {sorted(code[name])}, the doc "
                   f"{sorted(doc[name])}")


def main():
    top = pathlib.Path(__file__).resolve().parents[2]
    found = list(differences(top))
    for line in found:
        print(line)
    if not in_code(top):
        print("no call was found in src/calls")
        return 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
