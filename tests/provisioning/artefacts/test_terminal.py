"""The builders' command line: what it says, and that nothing unfinished is left."""

from __future__ import annotations

import dataclasses
import json

import pytest

from provisioning.artefacts import programs, published
from provisioning.artefacts.programs import BuildFailed
from provisioning.artefacts.terminal import Builder, main
from provisioning.osimage.build import BUILDER as OS_IMAGE
from provisioning.ramdisk.build import BUILDER as RAMDISK


@pytest.fixture
def builder(tmp_path):
    """A builder whose artefact is a text; gives it with the list of its runs."""
    source = tmp_path / "source"
    source.mkdir()
    runs = []

    def make(scratch, out, sources, inputs):
        runs.append(sources)
        part = scratch / "x.part"
        part.write_text("built")
        published.publish(part, out / "x", out / "x.json", {"inputs": inputs})

    return Builder("some.builder", "Build x.", source, "x", "x.json", ("tar",), make), runs


def test_it_builds_once_for_the_same_inputs(builder, tmp_path, capsys):
    made, runs = builder
    out = tmp_path / "out"

    assert main(made, ["--out", str(out)]) == 0
    assert main(made, ["--out", str(out)]) == 0
    assert len(runs) == 1
    assert "is current" in capsys.readouterr().out

    assert main(made, ["--out", str(out), "--force"]) == 0
    assert main(made, ["--out", str(out), "--mirror", "http://mirror.test/debian"]) == 0
    assert len(runs) == 3
    assert runs[-1].lines()[0] == "deb http://mirror.test/debian bookworm main"
    assert sorted(path.name for path in out.iterdir()) == ["x", "x.json"]
    assert json.loads((out / "x.json").read_text())["size_bytes"] == 5


@pytest.mark.parametrize("error", [BuildFailed("sgdisk failed (2): no room"), OSError(28, "No space left on device")])
def test_a_build_that_fails_says_why_in_one_line_and_leaves_nothing(builder, tmp_path, capsys, error):
    made, _ = builder

    def fail(scratch, *_):
        (scratch / "half").write_text("half")
        raise error

    assert main(dataclasses.replace(made, make=fail), ["--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("x cannot be built: ")
    assert said.count("\n") == 1
    assert list((tmp_path / "out").iterdir()) == []


def test_the_packages_that_are_missing_are_named(builder, tmp_path, capsys, monkeypatch):
    made, runs = builder
    monkeypatch.setattr(programs, "found", lambda name: None)
    needy = dataclasses.replace(made, programs=("sgdisk", "mcopy", "mmd"))

    assert main(needy, ["--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == "x cannot be built: programs are missing: apt-get install gdisk mtools\n"
    assert (runs, (tmp_path / "out").exists()) == ([], False)


@pytest.mark.parametrize("real", [RAMDISK, OS_IMAGE], ids=lambda real: real.module)
def test_the_real_builders_know_the_package_of_each_program(real, capsys):
    assert set(real.programs) <= set(programs.PACKAGES)
    with pytest.raises(SystemExit) as stopped:
        main(real, ["--help"])
    assert stopped.value.code == 0
    assert real.artefact in capsys.readouterr().out


def test_a_folder_that_cannot_be_written_is_named(builder, tmp_path, capsys):
    made, _ = builder
    (tmp_path / "file").touch()

    assert main(made, ["--out", str(tmp_path / "file" / "out")]) == 1
    assert "file" in capsys.readouterr().err


def test_what_a_program_complains_of_is_passed_on():
    with pytest.raises(BuildFailed, match=r"^tar failed \(2\): .*no-such-archive"):
        programs.run("tar", "-xf", "no-such-archive")
    with pytest.raises(BuildFailed, match="no-such-program cannot be started"):
        programs.run("no-such-program")
