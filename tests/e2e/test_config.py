"""config: every setting, and where it came from."""

import json

from e2e.cases import case


@case("config", servers=("fake",))
def config_tells_where_from(rig):
    """Flag, variable, file with line, built-in; nothing is run or made."""
    rig.write("lunatrix.lua", """
return {
    accounts = { main = { prefix = "?" } },
    scripts = { echo = {
        file = "echo.lua",
        secrets = { a = { command = { "touch", "ran" } }, b = "hunter2" },
    } },
}
""")
    code, out, err = rig.command("config", "--json", "--log", "debug",
                                 LUNATRIX_LOG_FORMAT="text")
    assert code == 0, err
    assert "hunter2" not in out, out
    rows = {r.pop("key"): r for r in json.loads(out)["settings"]}
    assert rows["--config"] == {"value": "lunatrix.lua", "from": "found"}
    assert rows["--log"] == {
        "value": "debug", "from": "flag", "name": "--log"}
    assert rows["--log-format"] == {
        "value": "text", "from": "environment", "name": "LUNATRIX_LOG_FORMAT"}
    assert rows["accounts.main.prefix"] == {
        "value": "?", "from": "file", "line": 3}
    assert rows["limits.burst"] == {"value": "200ms", "from": "built-in"}
    assert rows["scripts.echo.secrets.a"]["value"] == {
        "command": ["touch", "ran"]}
    assert rows["folder.main"]["value"] == str(rig.data())
    assert not rig.data().exists()
    assert not (rig.path / "bot" / "ran").exists()

    code, out, err = rig.command("config", LUNATRIX_CONFIG="lunatrix.lua")
    assert code == 0, err
    lines = [line.split() for line in out.splitlines()]
    assert ["--config", '"lunatrix.lua"', "$LUNATRIX_CONFIG"] in lines, out
    assert ["accounts.main.prefix", '"?"', "lunatrix.lua:3"] in lines, out
    assert ["limits.queue", "1000", "built-in"] in lines, out

    code, out, err = rig.command("config", "--account", "ops")
    assert (code, out) == (78, "") and "it has main" in err, (code, out, err)
    rig.write("lunatrix.lua", "return { acounts = {} }\n")
    code, out, err = rig.command("config")
    assert (code, out) == (78, ""), (code, out)
    assert "lunatrix.lua:1: unknown key 'acounts'" in err, err
