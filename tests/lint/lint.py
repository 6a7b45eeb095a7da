"""What can be said about the sources without running them.

checks() lists the checks; each has a name and a run() that yields triples
(outcome, name, text), one per thing that the check counts.
"""

import ast
import collections
import concurrent.futures
import json
import pathlib
import re
import shlex
import shutil
import subprocess

from fakes import cache
from lint import check_calls, check_docs

LONG_FILE = 600
LONG_FUNCTION = 60
# Which files may include the headers of which library.
OWNERS = {
    "curl/": r"net/transport_curl\w*\.[ch]",
    "histedit.h": r"app/line_input\.c",
    "uv.h": r"loop/(loop_uv|loop)\w*\.[ch]",
    "sqlite3.h": r"store/store\w*\.[ch]",
    "cmark": r"text/markdown\.c",
}
# Debian 12's. Other versions lay out lines otherwise, and the analyzer finds
# other things with every version, and with other headers of the C library.
CLANG_TOOLS = "14.0.6"

# The layers, lowest first. Those on one line know nothing of each other.
LEVELS = ["base", "loop json text", "json_lua store net",
          "matrix crypto offline", "delivery", "sync", "calls", "engine",
          "script", "app"]

Check = collections.namedtuple("Check", "name run")


def checks(top, build, jobs):
    def check(name, function, *arguments):
        return Check(f"lint: {name}",
                     lambda: function(f"lint: {name}", top, *arguments))
    return [
        check("clang-format", clang_format),
        check("upward include", upward_includes, build),
        check("include cycles", include_cycles),
        check("libraries stay in their files", library_owners),
        check("file length", lengths),
        check("calls are described", described_calls),
        check("docs match the library", true_docs),
        check("luacheck", luacheck),
        check("shell and Python syntax", scripts),
        check("clang-tidy", clang_tidy, build, jobs),
    ]


def output(command, input_text=None, **options):
    done = subprocess.run([str(w) for w in command], text=True, check=False,
                          input=input_text or "", stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **options)
    return done.returncode, done.stdout


def verdict(name, complaints):
    return ("failed" if complaints else "passed", name, complaints)


def c_files(top, *folders):
    return sorted(path for folder in folders
                  for path in (top / folder).rglob("*.[ch]"))


# --- the formatter -------------------------------------------------------


def our_version(program):
    found = shutil.which(program)
    return found if found and f"version {CLANG_TOOLS}" in output(
        [found, "--version"])[1] else None


def formatter():
    """clang-format of our version, from here or from pip; or None."""
    try:
        return our_version("clang-format") or cache.venv(
            f"clang-format-{CLANG_TOOLS}",
            [f"clang-format=={CLANG_TOOLS}"]) / "bin" / "clang-format"
    except cache.Failed:
        return None


def clang_format(name, top):
    program = formatter()
    if not program:
        yield "skipped", name, f"no clang-format {CLANG_TOOLS} to be had"
        return
    files = c_files(top, "src", "tests/c", "bench")
    _, text = output([program, "--dry-run", "-Werror", *files])
    places = collections.Counter(
        line.split(":")[0] for line in text.splitlines()
        if "-Wclang-format-violations" in line)
    yield verdict(name, "".join(
        f"clang-format -i {pathlib.Path(file).relative_to(top)}"
        f"    # {count} places\n" for file, count in places.items()))


# --- layers --------------------------------------------------------------

Layer = collections.namedtuple("Layer", "name folder flags")


def layers(top, build):
    """The layers in the order of CMakeLists.txt, with what each may see."""
    text = (top / "CMakeLists.txt").read_text()
    order = re.findall(r"^layer\((\w+)", text, re.MULTILINE)
    folders = dict(re.findall(r"^layer\((\w+).*DIRECTORY (\w+)", text,
                              re.MULTILINE))
    flags = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        match = re.search(r"CMakeFiles/(\w+)\.dir/", entry["command"])
        words = shlex.split(entry["command"])
        if match and match[1] in order:
            flags[match[1]] = [
                piece for word, after in zip(words, words[1:] + [""])
                for piece in ([word, after] if word == "-iquote"
                              else [word] if word.startswith(("-I", "-D"))
                              else [])]
    return [Layer(n, top / "src" / folders.get(n, n), flags.get(n))
            for n in order]


def upward_includes(name, top, build):
    """In each layer, a header of each layer it must not see: no compile.

    One result per pair. A header of a layer that it does see must be found,
    or the test could not fail.
    """
    levels = {layer: number for number, row in enumerate(LEVELS)
              for layer in row.split()}
    all_layers = layers(top, build)
    for layer in all_layers:
        visible = {str(pathlib.Path(p).resolve())
                   for p in layer.flags or () if p.startswith("/")}
        for other in all_layers:
            headers = sorted(other.folder.glob("*.h"))
            if other.folder == layer.folder or not headers or \
                    other.name == "json_lua":
                continue            # the bridge shares its folder with json
            pair = f"{name}: {other.name} in {layer.name}"
            if layer.flags is None or layer.name not in levels:
                yield "failed", pair, "no such layer is built, or planned"
                continue
            _, text = output(
                ["cc", "-fsyntax-only", "-x", "c", "-", *layer.flags],
                input_text=f'#include "{headers[0].name}"\n')
            missing = f"{headers[0].name}: No such file" in text
            if levels[other.name] >= levels[layer.name]:
                yield verdict(pair, "" if missing else
                              f"it compiled, or failed otherwise:\n{text}")
            elif str(other.folder.resolve()) in visible and missing:
                yield "failed", f"downward include: {pair}", text


def quoted_includes(path):
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(),
                      re.MULTILINE)


def include_cycles(name, top):
    """No header reaches itself through the headers it includes."""
    headers = {path.name: path for path in c_files(top, "src")
               if path.suffix == ".h"}
    complaints, done = [], set()

    def visit(header, trail):
        if header in trail:
            complaints.append(" -> ".join(trail + [header]))
        elif header in headers and header not in done:
            for included in quoted_includes(headers[header]):
                visit(included, trail + [header])
            done.add(header)
    for header in headers:
        visit(header, [])
    yield verdict(name, "\n".join(complaints))


def library_owners(name, top):
    complaints = []
    for path in c_files(top, "src"):
        for line in path.read_text().splitlines():
            match = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
            for library, owner in OWNERS.items():
                if match and match[1].startswith(library) and \
                        not re.search(owner + "$", str(path)):
                    complaints.append(f"{path.relative_to(top)}: {line}")
    yield verdict(name, "\n".join(complaints))


# --- sizes ---------------------------------------------------------------


def long_functions(path):
    """(line, length) of C functions, by the braces in the first column."""
    start = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start:
            if number - start - 1 > LONG_FUNCTION:
                yield start, number - start - 1
            start = None


def lengths(name, top):
    """Files above the limit fail; long functions are only named."""
    complaints = []
    files = c_files(top, "src") + sorted((top / "lua").rglob("*.lua"))
    for path in files:
        count = path.read_text().count("\n")
        if count > LONG_FILE:
            complaints.append(f"{path.relative_to(top)}: {count} lines")
        if path.suffix == ".c":
            for line, size in long_functions(path):
                print(f"        {path.relative_to(top)}:{line}: a function "
                      f"of {size} lines")
    yield verdict(name, "\n".join(complaints))


def described_calls(name, top):
    yield verdict(name, "\n".join(check_calls.differences(top)))


def true_docs(name, top):
    if not shutil.which("lua5.4"):
        yield "skipped", name, "no lua5.4 here"
        return
    yield verdict(name, "\n".join(check_docs.differences(top)))


# --- the other linters ---------------------------------------------------


def luacheck(name, top):
    folders = [f for f in ("lua", "scripts", "tests/lua", "tests/bots",
                           "tests/conformance",
                           "tests/e2e", "bench") if any(
                               (top / f).rglob("*.lua"))]
    if not folders:
        yield "skipped", name, "there is no Lua yet"
        return
    status, text = output(["luacheck", "--quiet", "--no-color",
                           "--no-cache", *folders], cwd=top)
    yield verdict(name, text if status else "")


def scripts(name, top):
    complaints = []
    _, listed = output(["git", "-C", top, "ls-files", "--cached", "--others",
                        "--exclude-standard"])
    for path in map(top.__truediv__, listed.splitlines()):
        if not path.is_file() or path.suffix in (".c", ".h", ".lua", ".md"):
            continue
        first = path.read_bytes()[:80].split(b"\n")[0]
        if path.suffix == ".py" or first.startswith(b"#!/usr/bin/env python"):
            try:
                ast.parse(path.read_text(), str(path))
            except SyntaxError as error:
                complaints.append(f"{path}: {error}")
        elif re.match(rb"#!.*\b(ba)?sh\b", first):
            shell = "bash" if b"bash" in first else "sh"
            status, text = output([shell, "-n", path])
            if status:
                complaints.append(text)
    yield verdict(name, "\n".join(complaints))


def clang_tidy(name, top, build, jobs):
    program = our_version("clang-tidy")
    if not program:
        yield "skipped", name, f"no clang-tidy {CLANG_TOOLS} here"
        return
    # gcc's flags that clang does not know are not its business.
    common = [program, "--quiet", "-p", build,
              "--extra-arg=-Wno-unknown-warning-option",
              "--extra-arg=-Wno-unused-command-line-argument"]
    source = str(top / "src")
    files = sorted({entry["file"] for entry in json.loads(
        (build / "compile_commands.json").read_text())
        if entry["file"].startswith(source)})
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(lambda f: output([*common, f]), files))
    # Headers are read with each file that includes them: tell once.
    yield verdict(name, "\n".join(sorted({
        line for status, text in results if status
        for line in text.splitlines() if ": error: " in line})))
