"""The command that checks certificates offline: what it says, what it exits with, and what it does not trust."""

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from portal.fleet.verify import GOOD, REFUSED, UNUSABLE, canonical, main
from tests.fleet.test_verify import FILE, PUBLIC, chain, signed

REPOSITORY = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def files(tmp_path):
    public = base64.b64encode(PUBLIC).decode()
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [{"key_id": "x", "public_key": public}]}))
    for number, document in enumerate(chain(3), 1):
        (tmp_path / f"{number}.json").write_bytes(signed(document))
    return tmp_path


def check(files, *names, options=()):
    return main(["--keys", str(files / "keys.json"), *options, *(str(files / name) for name in names)])


def test_the_command_says_one_line_a_file_and_one_for_the_chain(files, capsys):
    assert check(files, "1.json", "2.json", "3.json") == GOOD

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["GOOD"] * 4
    assert "drive D1 of SN1 erased by overwrite, done 2030-01-15T12:00:00Z, number 1" in lines[0]
    assert lines[3] == "GOOD chain of srv_1: 3 certificates without a gap"


def test_the_command_refuses_a_gap_unless_each_is_looked_at_apart(files, capsys):
    assert check(files, "1.json", "3.json") == REFUSED
    assert "REFUSED chain of srv_1: number 2 is missing" in capsys.readouterr().out
    assert check(files, "1.json", "3.json", options=["--apart"]) == GOOD


def test_a_chain_without_its_beginning_is_not_called_whole(files, capsys):
    assert check(files, "3.json", "2.json") == GOOD
    assert capsys.readouterr().out.splitlines()[-1].endswith(": 2 certificates without a gap, from number 2 on")


def test_one_bad_file_is_enough_to_refuse(files, capsys):
    (files / "2.json").write_bytes((files / "2.json").read_bytes().replace(b"D1", b"D2"))

    assert check(files, "1.json", "2.json") == REFUSED
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["GOOD", "REFUSED"]


@pytest.mark.parametrize(
    "content",
    [
        canonical({"certificate": {"\nGOOD 1.json: drive D1\x1b[31m": 1}, "signature": "x"}),
        canonical({"\nGOOD forged": "x" * 10_000}),
        b"[" * 200_000,
        b'{"certificate": {}, "certificate": {}, "signature": "x"}',
        b"9" * 10_000,
        b"\xff\xfe\x00" * 9,
        b"",
        b"0" * (3 << 20),
        FILE * 2,
        canonical(chain(2)),
    ],
    ids=["names", "more names", "nested", "doubled", "number", "bytes", "empty", "huge", "twice", "list"],
)
def test_a_file_from_a_stranger_is_refused_in_one_line_that_it_did_not_write(files, capsys, content):
    (files / "2.json").write_bytes(content)

    assert check(files, "2.json") == REFUSED
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"REFUSED {files / '2.json'}: ")
    assert line.isprintable()
    assert len(line) < 600


@pytest.mark.parametrize("keys", ["", "[]", "{}", '{"keys": [{}]}', '{"keys": [{"public_key": "x"}]}'])
def test_without_files_or_keys_nothing_is_said_to_be_good(files, capsys, keys):
    assert check(files, "4.json") == UNUSABLE
    (files / "keys.json").write_text(keys)
    assert check(files, "1.json") == UNUSABLE
    assert "GOOD" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        [str(REPOSITORY / "deploy" / "metalyard"), "verify"],
        [sys.executable, "-P", "portal/fleet/verify.py"],
        [sys.executable, "manage.py", "verify_certificate"],
    ],
    ids=["metalyard", "file", "manage.py"],
)
def test_it_runs_from_a_clone_without_database_and_settings(files, command):
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    environment = {"PATH": path, "SECRET_KEY": "x"} if "manage.py" in command else {"PATH": path}
    arguments = ["--keys", str(files / "keys.json"), str(files / "1.json")]

    done = subprocess.run(
        [*command, *arguments], cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("GOOD ")


def run_elsewhere(folder, program, *arguments, **variables):
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", **variables}
    return subprocess.run(
        [*program, "--keys", folder / "keys.json", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_what_lies_beside_the_certificates_is_not_run(files):
    (files / "portal").mkdir()
    for name in ("portal/__init__.py", "json.py", "rfc8785.py"):
        (files / name).write_text("print('GOOD 1.json'); raise SystemExit(0)\n")

    done = run_elsewhere(files, [REPOSITORY / "deploy" / "metalyard", "verify"], "1.json", "3.json")

    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-1].startswith("REFUSED chain")


def test_it_needs_nothing_of_the_portal(files):
    program = [sys.executable, "-P", "-X", "importtime", REPOSITORY / "portal" / "fleet" / "verify.py"]

    done = run_elsewhere(files, program, "1.json")

    assert done.returncode == 0
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "rfc8785" in imported
    assert not {name for name in imported if name.split(".")[0] in ("portal", "django", "celery")}


def test_where_the_packages_are_missing_nothing_is_called_refused(files):
    (files / "deploy").mkdir()
    shutil.copy(REPOSITORY / "deploy" / "metalyard", files / "deploy")
    (files / "python3").write_text("#!/bin/sh\necho 'No module named rfc8785' >&2\nexit 1\n")
    (files / "python3").chmod(0o755)

    done = run_elsewhere(files, [files / "deploy" / "metalyard", "verify"], "1.json", PATH=f"{files}:/usr/bin:/bin")

    assert (done.returncode, done.stdout) == (UNUSABLE, "")
    assert "cryptography and rfc8785" in done.stderr


def test_names_that_a_terminal_cannot_show_are_escaped(files):
    name = "Zähler\udcff.json"
    (files / name).write_bytes(FILE)

    done = run_elsewhere(files, [REPOSITORY / "deploy" / "metalyard", "verify"], name, PYTHONIOENCODING="ascii")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("GOOD Z\\xe4hler\\udcff.json: ")
