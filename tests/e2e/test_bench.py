"""What `lunatrix test` prints, for people and for machines."""

import re
import xml.etree.ElementTree as xml

from e2e.cases import case

BOT = 'bot:on("message", function(ev) ev:reply("yes") end)\n'
TESTS = r'''
local t = require "matrix.test"
t.script "mine.lua"
t.case("it answers <&> \"all\"", function(w)
    local room = w:room{ members = { "@alice:test" } }
    room:say("@alice:test", "a\1b")
    t.eq(room:last().body, "yes")
end)
t.case("it says no", function(w)
    local room = w:room{ members = { "@alice:test" } }
    room:say("@alice:test", "<go> \1")
    t.eq(room:last().body, "no & no")
end)
'''


@case("test_formats", servers=("fake",))
def test_formats(rig):
    """One pass, one failure with its transcript: as text, TAP and JUnit."""
    folder = rig.script(BOT, "mine", ready=False).parent
    (folder / "mine_test.lua").write_text(TESTS, encoding="utf-8")

    def run(form):
        status, out, err = rig.command("test", folder, "--format", form)
        assert (status, err) == (1, ""), (status, err)
        return out

    assert run("text").endswith("1 passed, 1 failed\n")
    tap = run("tap").splitlines()
    assert tap[0] == "TAP version 13" and tap[-1] == "1..2"
    assert [line for line in tap if re.match(r"(not )?ok \d - ", line)][1] \
        .startswith("not ok 2 - ")

    suites = xml.fromstring(run("junit"))
    assert suites.attrib == {"tests": "2", "failures": "1"}, suites.attrib
    passed, failed = suites.find("testsuite").findall("testcase")
    assert passed.get("name") == 'it answers <&> "all"'
    assert passed.find("failure") is None
    failure = failed.find("failure")
    assert 'wanted "no & no"' in failure.get("message")
    assert "mine_test.lua:12" in failure.text
    assert "@alice:test  <go> \ufffd" in failure.text

    status, _, err = rig.command("test", folder, "--format", "xml")
    assert status == 2 and "must be text, tap or junit" in err
