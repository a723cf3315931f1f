"""What is asked of a drive for each method; its own programs are stand-ins that write down what they are asked."""

from __future__ import annotations

import pytest

from tests.provisioning.ramdisk.scripts import needs_busybox, run

pytestmark = needs_busybox

ZEROS = "blkdiscard --force --zeroout /dev/nvme12n1"


def erase(folder, method, *, refuses="nothing"):
    """Erase nvme12n1 by the method; gives whether it succeeded, and what was asked."""
    stand_in = 'echo "{0} $*" >>"$RUN/asked"; [ {0} != "' + refuses + '" ]'
    programs = "\n".join(f"{name}() {{ {stand_in.format(name)}; }}" for name in ("nvme", "blkdiscard"))
    done = run("programs", "sanitize", "erase", then=f"{programs}\nerase_by {method} nvme12n1", run_folder=folder)
    asked = folder / "asked"
    return done.returncode == 0, asked.read_text().splitlines() if asked.exists() else []


@pytest.mark.parametrize(
    "method, expected",
    [
        ("nvme_format", ["nvme format /dev/nvme12n1 --ses=1 --force"]),
        ("nvme_format_crypto", ["nvme format /dev/nvme12n1 --ses=2 --force", ZEROS]),
        ("blkdiscard", ["blkdiscard --force /dev/nvme12n1"]),
    ],
)
def test_a_drive_whose_key_is_gone_is_zeroed_too(tmp_path, method, expected):
    assert erase(tmp_path, method) == (True, expected)


@pytest.mark.parametrize("method", ["nvme_sanitize_crypto", "nvme_sanitize_block", "nvme_format_crypto", "nvme_format"])
def test_a_command_that_the_drive_refuses_ends_it(tmp_path, method):
    succeeded, asked = erase(tmp_path, method, refuses="nvme")

    assert not succeeded
    assert len(asked) == 1


def test_zeros_that_cannot_be_written_are_a_failure(tmp_path):
    assert erase(tmp_path, "nvme_format_crypto", refuses="blkdiscard")[0] is False


def test_an_unknown_method_does_nothing(tmp_path):
    assert erase(tmp_path, "magic") == (False, [])


def test_a_drive_without_a_serial_number_is_not_touched_and_named(tmp_path):
    """The portal keeps no report of a drive without a name."""
    queue = tmp_path / "block" / "vda" / "queue"
    queue.mkdir(parents=True)
    (queue / "discard_max_bytes").write_text("4096\n")

    done = run(
        "programs", "drives", "methods", "erase",
        then='methods=overwrite mode=full; mkdir -p "$ERASE"; erase_by() { echo touched; }; erase_drive vda',
        run_folder=tmp_path,
        SYS_BLOCK=tmp_path / "block",
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (1, "")
    assert (tmp_path / "failure.code").read_text() == "erase_unproved"
    assert "vda tells no serial number" in (tmp_path / "failure.detail").read_text()
