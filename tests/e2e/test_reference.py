"""`lunatrix docs` and `lunatrix types`."""

import pathlib
import subprocess

from e2e.cases import case

TOP = pathlib.Path(__file__).resolve().parents[2]


@case("reference_page", servers=("fake",))
def reference_page(rig):
    """docs/api/reference.md is what the description gives."""
    status, out, err = rig.command("docs", "--markdown")
    page = TOP / "docs/api/reference.md"
    assert status == 0 and out == page.read_text(encoding="utf-8"), \
        err or "run: lunatrix docs --markdown > docs/api/reference.md"


@case("docs_and_types", servers=("fake",))
def docs_and_types(rig):
    """A name is explained; an editor's file is written, and only that."""
    status, out, err = rig.command("docs", "ev:reply")
    assert status == 0 and out.startswith("ev:reply(what [, opts])"), out + err
    status, out, _ = rig.command("docs")
    assert status == 0 and "bot:on(" in out and "matrix.http.get(" in out
    status, _, err = rig.command("docs", "bot:onn")
    assert status == 78 and "did you mean 'bot:on'" in err, err

    status, out, err = rig.command("types")
    assert (status, err) == (0, "") and out.startswith("---@meta"), err
    status, listed, err = rig.command("types", "--write")
    assert status == 0 and listed.count("wrote ") == 3, listed + err
    folder = rig.path / "bot"
    library = folder / ".lunatrix" / "library"
    assert (library / "matrix.lua").read_text(encoding="utf-8") == out
    assert sorted(p.name for p in library.iterdir()) == [
        "matrix.lua", "matrix.test.lua"]
    settings = folder / ".luarc.json"
    settings.write_text("{}\n", encoding="utf-8")
    status, listed, err = rig.command("types", "--write", ".")
    assert status == 0 and listed.count("wrote ") == 2, listed + err
    assert settings.read_text(encoding="utf-8") == "{}\n"
    rig.write("x.lua", "print(1)\n")
    status, _, err = rig.command("check", "x.lua")
    assert status == 0 and "types" not in err, err
    (library / "matrix.lua").write_text(out + "--\n", encoding="utf-8")
    status, _, err = rig.command("check", "x.lua")
    assert status == 0 and err.count("lunatrix types --write .") == 1, err
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([rig.program, "types"], stdout=full, text=True,
                              stderr=subprocess.PIPE, check=False,
                              env=rig.environment())
    assert done.returncode == 1, done
    assert done.stderr.startswith("lunatrix: cannot write the output"), done
    status, _, err = rig.command("types", "--write", "nowhere")
    assert status != 0 and "cannot make the folder nowhere" in err, err
