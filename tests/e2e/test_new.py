"""`lunatrix new`: what it makes works as it stands."""

from e2e.cases import case

FILES = [".gitignore", ".luarc.json", "lunatrix.lua", "main.lua",
         "main_test.lua"]


@case("new_templates", servers=("fake",))
def new_templates(rig):
    """Every template passes its own check and its own tests."""
    status, _, err = rig.command("new", "x", "--template", "none")
    assert status == 2 and "there is no template 'none'; there is " in err, err
    templates = err.split("there is ")[2].split("\n")[0].split(", ")
    assert {"echo", "command", "poller", "moderator", "webhook"} <= set(templates)
    for name in templates:
        folder = rig.path / "bot" / f"my-{name}"
        status, out, err = rig.command("new", folder.name, "--template", name)
        assert (status, err) == (0, ""), err
        assert sorted(p.name for p in folder.iterdir()) == FILES
        commands = [line.split("  ")[1] for line in out.splitlines()[1:]]
        assert commands == [f"lunatrix try {folder.name}/main.lua",
                            f"lunatrix test {folder.name}"], out
        status, out, err = rig.command("test", folder)
        assert status == 0 and " 0 failed" in out, out + err
        status, out, err = rig.command(
            "check", "--config", folder / "lunatrix.lua")
        assert status == 0, out + err
        status, out, err = rig.command("try", folder / "main.lua", text="hi\n")
        assert status == 0 and "you: hi" in out, out + err


@case("new_refuses", servers=("fake",))
def new_refuses(rig):
    """What is there stays as it is; a name is checked before anything."""
    folder = rig.path / "bot" / "mine"
    folder.mkdir()
    (folder / "main.lua").write_text("-- precious\n", encoding="utf-8")
    status, _, err = rig.command("new", "mine")
    assert status != 0 and "not empty: nothing was changed" in err, err
    assert [p.name for p in folder.iterdir()] == ["main.lua"]
    for name in ("9bots", "a b", "x" * 70, "bot.d"):
        status, _, err = rig.command("new", name)
        assert status != 0 and "cannot make a bot named" in err, err
        assert not (rig.path / "bot" / name).exists()
    status, _, err = rig.command("new", "no/such/folder")
    assert status != 0 and "cannot make the folder" in err, err
