"""Things fetched once and kept outside the tree for all later runs."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess
import sys


class Failed(Exception):
    """It cannot be had here; the text says why."""


def folder():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = pathlib.Path(base) / "lunatrix"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def locked(name):
    """One process at a time makes the thing called NAME."""
    with open(folder() / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(command, timeout):
    """Run a command or raise Failed with the end of what it said."""
    try:
        done = subprocess.run(
            [str(word) for word in command], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=timeout, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"{command[0]}: {error}") from error
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["no output"])[-1]
        raise Failed(f"{' '.join(map(str, command[:4]))}...: {last}")


def once(name, make):
    """The folder NAME, filled by make(path) unless it already stands."""
    path = folder() / name
    with locked(name):
        if not (path / ".complete").exists():
            shutil.rmtree(path, ignore_errors=True)
            make(path)
            (path / ".complete").touch()
    return path


def venv(name, packages, timeout=600):
    """A Python virtual environment that holds PACKAGES."""
    def make(path):
        run([sys.executable, "-m", "venv", path], 120)
        run([path / "bin" / "python", "-m", "pip", "--quiet",
             "--disable-pip-version-check", "install", *packages], timeout)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return once(f"{name}-python{version}", make)
