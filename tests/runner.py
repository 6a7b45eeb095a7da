"""What tests/run runs: the groups of tests, in order, and the count.

Each group is a function that hands its results to a Tally. A result is one
of "passed", "failed", "skipped" and says why for the last two.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import difflib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TOP / "tests")]

from e2e import cases                                          # noqa: E402
from fakes import synapse                                      # noqa: E402
from lint import lint                                          # noqa: E402

ASAN_BUILD = TOP / "build" / "test"
RELEASE_BUILD = TOP / "build" / "release"
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1"
                    ":strict_string_checks=1:exitcode=99",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}
SKIPPED = 77                    # exit status of a test that cannot run here


class Tally:
    """Counts results, prints each on a line, failures with their output."""

    def __init__(self, pattern):
        self.pattern = pattern
        self.count = collections.Counter()
        self.failures = []
        self.lock = threading.Lock()

    def wants(self, name):
        return not self.pattern or self.pattern in name

    def add(self, outcome, name, seconds=None, text=""):
        with self.lock:
            self.count[outcome] += 1
            clock = "" if seconds is None else f"  ({seconds:.1f} s)"
            reason = f": {text.strip()}" if outcome == "skipped" else ""
            mark = {"passed": "ok     ", "failed": "FAILED ",
                    "skipped": "skipped"}[outcome]
            print(f"{mark} {name}{clock}{reason}", flush=True)
            if outcome == "failed":
                self.failures.append(name)
                print(indent(tail(text)), flush=True)

    def close(self):
        for name in self.failures:
            print(f"failed: {name}")
        passed, failed, skipped = (
            self.count[k] for k in ("passed", "failed", "skipped"))
        print(f"{passed} passed, {failed} failed, {skipped} skipped",
              flush=True)
        return 1 if failed or not passed else 0


def indent(text):
    return "\n".join("    " + line for line in text.splitlines())


def tail(text, lines=120):
    kept = text.rstrip().splitlines()
    if len(kept) > lines:
        kept = [f"[{len(kept) - lines} lines left out]"] + kept[-lines:]
    return "\n".join(kept)


def run(command, **options):
    """One command to its end: exit status and its output, both streams."""
    done = subprocess.run(
        [str(word) for word in command], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", check=False, **options)
    return done.returncode, done.stdout


class Run:
    """What the groups share: options, builds, scratch folder, tally."""

    def __init__(self, options, scratch):
        self.options = options
        self.scratch = scratch
        self.tally = Tally(options.pattern)
        self.built = {}

    def configure(self, build):
        """CMake for one of the two builds; the error text, or ""."""
        asan = build == ASAN_BUILD
        command = [
            "cmake", "-S", TOP, "-B", build, "-G", "Ninja",
            "-DLUNATRIX_WERROR=ON",
            "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
            f"-DLUNATRIX_SANITIZE={'ON' if asan else 'OFF'}",
            f"-DLUNATRIX_TESTS={'ON' if asan else 'OFF'}",
            f"-DLUNATRIX_BENCH={'OFF' if asan else 'ON'}",
            f"-DCMAKE_BUILD_TYPE={'RelWithDebInfo' if asan else 'Release'}",
        ]
        if shutil.which("ccache"):
            command.append("-DCMAKE_C_COMPILER_LAUNCHER=ccache")
        status, output = run(command)
        return output if status else ""

    def build(self, build):
        """True if the build stands; made and counted once."""
        if build not in self.built:
            name = f"build: {build.relative_to(TOP)}, warnings are errors"
            start = time.monotonic()
            output = self.configure(build)
            failed = bool(output)
            if not failed:
                status, output = run(
                    ["ninja", "-C", build, "-j", self.options.jobs])
                failed = status != 0
            self.tally.add("failed" if failed else "passed", name,
                           time.monotonic() - start, output)
            self.built[build] = not failed
        return self.built[build]

    def each(self, tests, function):
        """Call function(test) for all tests, as many at once as -j says."""
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            for future in [pool.submit(function, test) for test in tests]:
                future.result()

    def program(self, name, command, timeout, **environment):
        """A test that is a program: exit status 0, 77 for cannot, or not."""
        start = time.monotonic()
        child = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", start_new_session=True,
            env={**os.environ, **SANITIZERS, **environment})
        try:
            output, _ = child.communicate(timeout=timeout)
            status = child.returncode
        except subprocess.TimeoutExpired:
            output, status = "", None
        finally:
            # What it left running, in the session that is its own.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        if status is None:
            output = child.communicate()[0] + f"\nnot over after {timeout} s"
        seconds = time.monotonic() - start
        if status == SKIPPED:
            reason = (output.strip().splitlines() or ["no reason given"])[-1]
            self.tally.add("skipped", name, seconds, reason)
        else:
            if status:
                output += f"\nexit status {status}"
            self.tally.add("failed" if status != 0 else "passed", name,
                           seconds, output)


def group_build(r):
    r.build(ASAN_BUILD)
    r.build(RELEASE_BUILD)


def group_lint(r):
    error = "" if r.built.get(ASAN_BUILD) else r.configure(ASAN_BUILD)
    if error:
        r.tally.add("failed", "lint: configure", None, error)
        return
    for check in lint.checks(TOP, ASAN_BUILD, r.options.jobs):
        if not r.tally.wants(check.name):
            continue
        start = time.monotonic()
        for outcome, name, text in check.run():
            r.tally.add(outcome, name, time.monotonic() - start, text)
            start = time.monotonic()


def group_unit(r):
    if not r.build(ASAN_BUILD):
        return
    report = r.scratch / "ctest.xml"
    command = ["ctest", "--test-dir", ASAN_BUILD, "-j", r.options.jobs,
               "--timeout", "300", "--output-junit", report]
    if r.options.pattern:
        command += ["-R", r.options.pattern]
    _, output = run(command, env={**os.environ, **SANITIZERS})
    if not report.exists():
        r.tally.add("failed", "unit: ctest", None, output)
        return
    for test in xml.etree.ElementTree.parse(report).iter("testcase"):
        name = f"unit: {test.get('name')}"
        if test.get("status") == "run":
            outcome = "passed"
        elif test.get("status") in ("notrun", "disabled"):
            outcome = "skipped"
        else:
            outcome = "failed"
        why = test.find("skipped")
        text = why.get("message") if why is not None else \
            test.findtext("system-out") or ""
        r.tally.add(outcome, name, float(test.get("time", 0)), text)


def lua_command(test):
    """How a test is run, by its first line: in the host or in lua5.4."""
    with open(test, encoding="utf-8") as text:
        inside = text.readline().startswith("-- runs in: lua5.4")
    return ["lua5.4", test] if inside else \
        [ASAN_BUILD / "lunatrix", "exec", test]


def group_lua(r):
    """Each tests/lua/test_*.lua is a program for the real binary, or, where
    it looks inside the library, for lua5.4."""
    tests = [t for t in sorted((TOP / "tests" / "lua").glob("test_*.lua"))
             if r.tally.wants(f"lua: {t.stem}")]
    if not tests or not r.build(ASAN_BUILD):
        return

    def one(test):
        home = r.scratch / test.stem
        home.mkdir(mode=0o700)
        r.program(f"lua: {test.stem}", lua_command(test), 300,
                  HOME=str(home), XDG_RUNTIME_DIR=str(home),
                  LUA_PATH=f"{test.parent}/?.lua;;",
                  LUNATRIX_TEST_TOP=str(TOP))
    r.each(tests, one)


FAILING = """local t = require "matrix.test"
t.case("it fails", function(w)
    local room = w:room{ members = { "@alice:test" } }
    room:say("@alice:test", "hello there")
    t.eq(room:last().body, "something else")
end)
"""


def failing_case(r):
    """A case that fails: exit status 1, its line, what was said."""
    folder = r.scratch / "failing"
    folder.mkdir(mode=0o700)
    (folder / "echo.lua").write_text(
        'bot:on("message", function(ev) ev:reply(ev.body) end)\n')
    (folder / "echo_test.lua").write_text(FAILING)
    status, output = run([ASAN_BUILD / "lunatrix", "test", folder],
                         env={**os.environ, **SANITIZERS})
    wanted = ["FAILED", "echo_test.lua:5: got", "@alice:test  hello there",
              "@bot:test  hello there", "0 passed, 1 failed"]
    missing = [text for text in wanted if text not in output]
    return "" if status == 1 and not missing else \
        f"exit status {status}, missing {missing}:\n{output}"


def chats(r):
    """tests/bots/*.chat: what `lunatrix try` answers, line by line."""
    for chat in sorted((TOP / "tests" / "bots").glob("*.chat")):
        name = f"bots: {chat.name}"
        if not r.tally.wants(name):
            continue
        script = pathlib.Path("scripts") / f"{chat.stem}.lua"
        if not (TOP / script).exists():
            script = pathlib.Path("tests/bots") / script.name
        with open(chat, encoding="utf-8") as typed:
            got = subprocess.run(
                [ASAN_BUILD / "lunatrix", "try", script], stdin=typed, cwd=TOP,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                env={**os.environ, **SANITIZERS}, timeout=60, check=False)
        wanted = chat.with_suffix(".out").read_text(encoding="utf-8")
        same = got.returncode == 0 and got.stdout == wanted
        r.tally.add("passed" if same else "failed", name, None,
                    "" if same else "".join(difflib.unified_diff(
                        wanted.splitlines(True), got.stdout.splitlines(True),
                        "wanted", f"got, exit status {got.returncode}")))


def group_bots(r):
    """tests/bots/*_test.lua, each case a result, by `lunatrix test`."""
    if not r.build(ASAN_BUILD):
        return
    name = "bots: a failure tells its line and the room's transcript"
    if r.tally.wants(name):
        why = failing_case(r)
        r.tally.add("failed" if why else "passed", name, None, why)
    status, output = run([ASAN_BUILD / "lunatrix", "test", "--format", "tap",
                          TOP / "tests" / "bots"],
                         env={**os.environ, **SANITIZERS}, timeout=300)
    results = re.findall(r"^(ok|not ok) \d+ - (?:.*/)?(\S+): (.*)\n"
                         r"((?:#.*\n)*)", output, re.MULTILINE)
    for outcome, file, case, text in results:
        name = f"bots: {file}: {case}"
        if r.tally.wants(name):
            r.tally.add("passed" if outcome == "ok" else "failed", name, None,
                        text)
    chats(r)
    name = "bots: the samples of README.md and docs/ run"
    if r.tally.wants(name):
        r.program(name, [sys.executable, TOP / "tests/docs/samples.py",
                         ASAN_BUILD / "lunatrix"], 600)
    said = [outcome for outcome, *_ in results]
    if not said or status != (1 if "not ok" in said else 0):
        r.tally.add("failed", f"bots: exit status {status}", None, output)


def run_cases(r, kind, **environment):
    """The scenarios of tests/e2e for one kind of server."""
    wanted = [c for c in cases.every() if kind in c.servers
              and r.tally.wants(f"{kind}: {c.name}")]
    builds = {c.build for c in wanted}
    usable = {b for b, path in (("test", ASAN_BUILD),
                                ("release", RELEASE_BUILD))
              if b in builds and r.build(path)}

    def one(case):
        name = f"{kind}: {case.name}"
        if case.build not in usable:
            r.tally.add("failed", name, None, "there is no program to test")
            return
        program = {"test": ASAN_BUILD, "release": RELEASE_BUILD}[case.build]
        r.program(name, [
            sys.executable, "-B", TOP / "tests" / "e2e" / "run_case.py",
            "--program", program / "lunatrix", "--server", kind,
            "--seed", r.options.seed,
            *(["--keep"] if r.options.keep else []), case.name,
        ], case.timeout, **environment)
    # The long ones first, so that no long one is left alone at the end.
    wanted.sort(key=lambda case: -case.timeout)
    r.each(wanted, one)


def group_fake(r):
    run_cases(r, "fake")


CONFORMANCE = "synapse: the protocol suite gives the same answers"


def run_conformance(r, url):
    if r.tally.wants(CONFORMANCE) and r.build(ASAN_BUILD):
        r.program(CONFORMANCE, [
            sys.executable, "-B", TOP / "tests" / "conformance" / "compare.py",
            ASAN_BUILD / "lunatrix", url], 180)


def group_synapse(r):
    wanted = [c for c in cases.every() if "synapse" in c.servers
              and r.tally.wants(f"synapse: {c.name}")]
    if not wanted and not r.tally.wants(CONFORMANCE):
        return
    start = time.monotonic()
    try:
        command = synapse.obtain()
    except synapse.CannotObtain as why:
        for name in [CONFORMANCE, *(f"synapse: {c.name}" for c in wanted)]:
            if r.tally.wants(name):
                r.tally.add("skipped", name, None, str(why))
        return
    print(f"        synapse at hand after {time.monotonic() - start:.1f} s")
    server = synapse.Synapse(command)
    try:
        server.start()
        run_conformance(r, server.url)
        run_cases(r, "synapse", LUNATRIX_TEST_SYNAPSE=server.url)
    except synapse.CannotStart as why:
        r.tally.add("failed", "synapse: it starts", None, str(why))
    finally:
        server.close()


def group_bench(r):
    name = "bench: bench/run --smoke runs to its end"
    if r.tally.wants(name) and r.build(RELEASE_BUILD):
        r.program(name, [sys.executable, "-B", TOP / "bench" / "run",
                         "--smoke", "--build", RELEASE_BUILD], 180)


GROUPS = {
    "build": group_build, "lint": group_lint, "unit": group_unit,
    "lua": group_lua, "bots": group_bots, "fake": group_fake,
    "synapse": group_synapse, "bench": group_bench,
}


def parse():
    parser = argparse.ArgumentParser(prog="tests/run")
    parser.add_argument("groups", nargs="*", metavar="GROUP",
                        help=" ".join(GROUPS))
    parser.add_argument("-k", dest="pattern", default="", metavar="PATTERN",
                        help="only tests whose name holds PATTERN")
    parser.add_argument("-j", dest="jobs", type=int, metavar="JOBS",
                        default=min(os.cpu_count() or 2, 4))
    parser.add_argument("--seed", type=int, default=None,
                        help="for what is chosen at random")
    parser.add_argument("--keep", action="store_true",
                        help="keep the folders that scenarios worked in")
    parser.add_argument("--list", action="store_true",
                        help="name the scenarios and stop")
    options = parser.parse_args()
    for group in options.groups:
        if group not in GROUPS:
            parser.error(f"no group '{group}'; there are {' '.join(GROUPS)}")
    if options.seed is None:
        options.seed = int.from_bytes(os.urandom(3), "big")
    return options


def main():
    options = parse()
    if options.list:
        for case in cases.every():
            print(f"{case.name}  [{' '.join(case.servers)}]")
        return 0
    print(f"seed {options.seed} (tests/run --seed {options.seed} repeats "
          "what is chosen at random)", flush=True)
    with tempfile.TemporaryDirectory(prefix="lunatrix-run-") as scratch:
        r = Run(options, pathlib.Path(scratch))
        for name, group in GROUPS.items():
            if name in (options.groups or GROUPS):
                print(f"-- {name}", flush=True)
                group(r)
        return r.tally.close()


if __name__ == "__main__":
    sys.exit(main())
