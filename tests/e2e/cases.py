"""The scenarios: how one is declared, and the list of all of them.

To add a scenario, write a function in a test_*.py of this folder:

    @case("edited_twice", servers=("fake", "synapse"))
    def edited_twice(rig):
        \"\"\"What must hold, in one sentence.\"\"\"
        chat = rig.chat('bot:on("edit", function(ev) ev:react("2") end)')
        first = chat.say("one")
        ...

It runs in a process of its own, once per kind of server it names, and gets a
Rig (rig.py) whose server is running: a fakes.homeserver.Homeserver, or a
Synapse that all scenarios share (own_server=True: one of its own, that may be
killed). It fails by raising. When it returns, the rig checks what every
scenario must leave behind: processes ended, no secret outside the session
file, modes, sound databases, no report of a sanitizer.

Rules: the judge is the server (rig.server.ledger, or a timeline read by
another user), never the log of the program. Wait with rig.until() or
ledger.until(), never for a fixed time. What must not happen is proved by a
later thing that must: say one more message, wait for its answer, then count.
"""

import importlib
import pathlib

_found = {}


class Case:
    def __init__(self, name, function, servers, timeout, build, own_server):
        self.name = name
        self.function = function
        self.servers = servers
        self.timeout = timeout      # seconds until it counts as hung
        self.build = build          # "test": with sanitizers; "release"
        self.own_server = own_server


def case(name, servers=("fake", "synapse"), timeout=120, build="test",
         own_server=False):
    def register(function):
        assert name not in _found, f"two scenarios named {name}"
        _found[name] = Case(name, function, servers, timeout, build,
                            own_server)
        return function
    return register


def every():
    """All cases, in the order of their files."""
    if not _found:
        for path in sorted(pathlib.Path(__file__).parent.glob("test_*.py")):
            importlib.import_module(f"e2e.{path.stem}")
    return list(_found.values())
