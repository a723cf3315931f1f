"""Certificates, checked offline: what was signed passes, and nothing else."""

import base64
import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from portal.fleet.erase_policy import SAMPLE_BLOCKS, SAMPLE_BYTES
from portal.fleet.verify import (
    GOOD,
    REFUSED,
    UNUSABLE,
    Refused,
    canonical,
    check_chain,
    digest_of,
    envelope,
    key_id_of,
    keys_in,
    main,
    read,
)

REPOSITORY = Path(__file__).resolve().parent.parent.parent
# The secret key of RFC 8032's first test vector: it signs nothing else.
KEY = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
)
PUBLIC = KEY.public_key().public_bytes_raw()
KEYS = {key_id_of(PUBLIC): PUBLIC}
AT = "2030-01-15T12:00:00Z"


def certificate(sequence=1, previous=None, **changes):
    return {
        "version": 1,
        "id": f"crt_{sequence:026d}",
        "issuer": "https://portal.example",
        "issued_at": AT,
        "key_id": key_id_of(PUBLIC),
        "server": {"id": "srv_1", "serial": "SN1"},
        "sequence": sequence,
        "previous": previous,
        "drive": {"serial": "D1", "model": "Ünïcode 1", "firmware": "F1", "size_bytes": 4096},
        "erasure": {
            "method": "overwrite", "bytes_erased": 4096, "started_at": AT, "ended_at": AT, "recorded_at": AT,
        },
        "verification": {"mode": "full", "bytes_verified": 4096, "blocks_sampled": 0, "residue_bytes": 0},
        "firmware": [{"component": "BIOS", "version": "1", "expected": "1", "matches": True, "at": AT}],
        "operation": "op_1",
        "organization": "org_1",
        "project": "prj_1",
        "reservation": "res_1",
        **changes,
    }  # fmt: skip


def signed(document, key=KEY):
    return envelope(document, key.sign(canonical(document)))


def chain(length):
    made = []
    for number in range(1, length + 1):
        made.append(certificate(number, digest_of(canonical(made[-1])) if made else None))
    return made


FILE = signed(certificate())


def test_what_was_signed_is_read():
    assert read(FILE, KEYS) == certificate()


def test_every_changed_byte_is_refused():
    for place in range(len(FILE)):
        for other in {FILE[place] ^ 1, FILE[place] ^ 0x20, ord("0"), ord(" ")} - {FILE[place]}:
            with pytest.raises(Refused):
                read(FILE[:place] + bytes([other]) + FILE[place + 1 :], KEYS)


@given(st.integers(0, len(FILE)), st.binary(min_size=1, max_size=4))
def test_every_added_byte_is_refused(place, more):
    with pytest.raises(Refused):
        read(FILE[:place] + more + FILE[place:], KEYS)


@given(st.integers(0, len(FILE) - 1))
def test_every_part_is_refused(end):
    with pytest.raises(Refused):
        read(FILE[:end], KEYS)


def leaves(value, path=()):
    if isinstance(value, dict):
        return [leaf for name, inner in value.items() for leaf in leaves(inner, (*path, name))]
    if isinstance(value, list):
        return [leaf for number, inner in enumerate(value) for leaf in leaves(inner, (*path, number))]
    return [path]


def changed(path, value):
    document = copy.deepcopy(certificate())
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    if value is GONE:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return document


GONE = "(left out)"
SIGNATURE = json.loads(FILE)["signature"]


@pytest.mark.parametrize("path", leaves(certificate()), ids=str)
@pytest.mark.parametrize("value", [GONE, None, "other", 7, 1.5, True, [], {}], ids=str)
def test_every_changed_field_is_refused_even_in_canonical_form(path, value):
    document = changed(path, value)
    if canonical(document) == canonical(certificate()):
        return
    with pytest.raises(Refused):
        read(envelope(document, base64.b64decode(SIGNATURE)), KEYS)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"version": 2}, "version 2"),
        ({"more": 1}, "has not the fields"),
        ({"id": "res_1"}, "id is not"),
        ({"sequence": 0}, "place in the chain"),
        ({"sequence": 2}, "place in the chain"),
        ({"sequence": True}, "sequence is not"),
        ({"previous": "0" * 64}, "place in the chain"),
        ({"drive": {"serial": "D1", "model": "", "firmware": "", "size_bytes": 4097}}, "all was erased"),
        (
            {"verification": {"mode": "full", "bytes_verified": 1, "blocks_sampled": 0, "residue_bytes": 0}},
            "all was read back",
        ),
        (
            {"verification": {"mode": "full", "bytes_verified": 4096, "blocks_sampled": 0, "residue_bytes": 1}},
            "nothing left",
        ),
        (
            {
                "drive": {"serial": "D1", "model": "", "firmware": "", "size_bytes": 0},
                "erasure": {
                    "method": "overwrite",
                    "bytes_erased": 0,
                    "started_at": AT,
                    "ended_at": AT,
                    "recorded_at": AT,
                },
                "verification": {"mode": "full", "bytes_verified": 0, "blocks_sampled": 0, "residue_bytes": 0},
            },
            "all was erased",
        ),
        (
            {
                "erasure": {
                    "method": "overwrite",
                    "bytes_erased": 4096,
                    "started_at": AT,
                    "ended_at": "2030-01-15T11:59:59Z",
                    "recorded_at": AT,
                }
            },
            "ended before it began",
        ),
        (
            {"firmware": [{"component": "BIOS", "version": "6.6", "expected": "1", "matches": False, "at": AT}]},
            "firmware is not as it should be .BIOS",
        ),
        ({"verification": {"mode": "sample", "bytes_verified": 0, "blocks_sampled": 0, "residue_bytes": 0}}, "5000"),
    ],
)
def test_what_makes_no_sense_is_refused_though_it_is_signed(changes, words):
    with pytest.raises(Refused, match=words):
        read(signed(certificate(**changes)), KEYS)


@pytest.mark.parametrize(
    "blocks, read_back, is_good",
    [
        (SAMPLE_BLOCKS, SAMPLE_BYTES, True),
        (SAMPLE_BLOCKS - 1, SAMPLE_BYTES, False),
        (SAMPLE_BLOCKS, SAMPLE_BYTES - 1, False),
        (SAMPLE_BLOCKS + 1, SAMPLE_BYTES, False),
        (SAMPLE_BLOCKS, 2**40 + 1, False),
    ],
)
def test_a_sample_is_as_large_as_the_portal_asks(blocks, read_back, is_good):
    times = {"started_at": AT, "ended_at": AT, "recorded_at": AT}
    document = certificate(
        drive={"serial": "D1", "model": "", "firmware": "", "size_bytes": 2**40},
        erasure={"method": "blkdiscard", "bytes_erased": 2**40, **times},
        verification={
            "mode": "sample", "bytes_verified": read_back, "blocks_sampled": blocks, "residue_bytes": 0,
        },
    )  # fmt: skip

    if is_good:
        assert read(signed(document), KEYS) == document
        return
    with pytest.raises(Refused, match="random blocks"):
        read(signed(document), KEYS)


def test_another_key_signs_nothing():
    other = Ed25519PrivateKey.generate()

    with pytest.raises(Refused, match="signature is false"):
        read(signed(certificate(), other), KEYS)
    with pytest.raises(Refused, match="none of the given"):
        read(FILE, {})


def test_a_key_under_anothers_id_is_not_believed():
    """The id of a key is worked out, not read: a set of keys cannot pass one off as another."""
    forger = Ed25519PrivateKey.generate()
    public = base64.b64encode(forger.public_key().public_bytes_raw()).decode()
    keys = keys_in(json.dumps({"keys": [{"key_id": key_id_of(PUBLIC), "public_key": public}]}).encode())

    with pytest.raises(Refused):
        read(signed(certificate(), forger), keys)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_whole_chain_is_good_in_any_order(count):
    check_chain(chain(count))
    check_chain(list(reversed(chain(count))))


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_missing_link_is_named(missing):
    links = chain(5)
    del links[missing]

    with pytest.raises(Refused, match=f"number {missing + 1} is missing"):
        check_chain(links)


def test_swapped_and_doubled_links_are_refused():
    links = chain(4)
    swapped = [links[0], {**links[2], "sequence": 2}, {**links[1], "sequence": 3}, links[3]]

    with pytest.raises(Refused, match="does not follow"):
        check_chain(swapped)
    with pytest.raises(Refused, match="two certificates are number 2"):
        check_chain([*links, links[1]])


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
