#!/usr/bin/env python3
"""compare.py PROGRAM URL: the protocol suite, against the homeserver that is
built in and against the one at URL, side by side.

Prints each answer that differs, then a table with a row for each case; with
--write FILE puts the table there. Exit status 1 when anything differs that
EXPLAINED does not know.
"""

import argparse
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent

# (case, step): why the two may differ there.
EXPLAINED = {
}


def answers(program, offline, url):
    """{(case, step, number of its kind): answer}, in order."""
    words = [program, "--allow-http", "exec", *(["--offline"] if offline else []),
             str(HERE / "main.lua"), url]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600,
                          check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, words))}: exit status "
                         f"{done.returncode}\n{done.stdout[-2000:]}"
                         f"{done.stderr}")
    found = {}
    for line in done.stdout.splitlines():
        case, step, answer = line.split("\t", 2)
        number = 0
        while (case, step, number) in found:
            number += 1
        found[case, step, number] = answer
    return found


def compare(ours, theirs):
    """Rows of (case, step, ours, theirs), one per answer; None: not given."""
    keys = list(theirs) + [key for key in ours if key not in theirs]
    order = {key: i for i, key in enumerate(keys)}
    cases = list(dict.fromkeys(key[0] for key in keys))
    keys.sort(key=lambda key: (cases.index(key[0]), order[key]))
    return [(key[0], key[1], ours.get(key), theirs.get(key)) for key in keys]


def table(rows):
    """A row per case: how many answers, how many the same."""
    lines = ["| Case | Answers | The same | Explained | Different |",
             "|---|---|---|---|---|"]
    for case in dict.fromkeys(row[0] for row in rows):
        mine = [row for row in rows if row[0] == case]
        same = [row for row in mine if row[2] == row[3]]
        known = [row for row in mine if row[2] != row[3]
                 and row[:2] in EXPLAINED]
        lines.append(f"| {case} | {len(mine)} | {len(same)} | {len(known)} | "
                     f"{len(mine) - len(same) - len(known)} |")
    same = [row for row in rows if row[2] == row[3]]
    known = [row for row in rows if row[2] != row[3] and row[:2] in EXPLAINED]
    lines.append(f"| **all** | {len(rows)} | {len(same)} | {len(known)} | "
                 f"{len(rows) - len(same) - len(known)} |")
    return "\n".join(lines)


def write(path, text):
    """Puts the table between the two marks in the file."""
    begin, end = "<!-- table -->\n", "<!-- end -->\n"
    before, rest = path.read_text(encoding="utf-8").split(begin)
    after = rest.split(end)[1]
    path.write_text(f"{before}{begin}{text}\n{end}{after}", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(prog="compare.py")
    parser.add_argument("program")
    parser.add_argument("url")
    parser.add_argument("--write", metavar="FILE")
    options = parser.parse_args()
    rows = compare(answers(options.program, True, "https://test"),
                   answers(options.program, False, options.url))
    bad = 0
    for case, step, ours, theirs in rows:
        if ours == theirs:
            continue
        why = EXPLAINED.get((case, step))
        bad += why is None
        print(f"{case}: {step}{': ' + why if why else ''}\n"
              f"    built in: {ours}\n    at URL:   {theirs}")
    print(table(rows))
    if options.write:
        write(pathlib.Path(options.write), table(rows))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
