"""Sanitize has ended when the drive's log says so; the drive is a program of the test that answers as nvme-cli does."""

from __future__ import annotations

import pytest

from tests.provisioning.ramdisk.scripts import needs_busybox, run

pytestmark = needs_busybox

NVME = """#!/bin/sh
echo "$@" >>{folder}/asked
case $1 in
    sanitize) exit {status} ;;
    get-log)
        turn=$(wc -l <{folder}/asked)
        set -- {states}
        shift $((turn - 2))
        printf "\\377\\377\\\\$(printf %03o "$1")\\1"
        printf '\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0'
        ;;
esac
"""


def sanitize(folder, *states, status=0):
    """Run a sanitize whose log tells the states one after the other."""
    program = folder / "nvme"
    program.write_text(NVME.format(folder=folder, status=status, states=" ".join(map(str, states))))
    program.chmod(0o755)
    done = run("sanitize", then="sanitize nvme0 4", run_folder=folder, path=folder, SANITIZE_POLL_S=0)
    return done.returncode, (folder / "asked").read_text().splitlines()


@pytest.mark.parametrize("last", [1, 4])
def test_it_waits_until_the_drive_is_done(tmp_path, last):
    status, asked = sanitize(tmp_path, 2, 2, 2, last)

    assert status == 0
    assert asked[0] == "sanitize /dev/nvme0 --sanact=4"
    assert len(asked) == 5


@pytest.mark.parametrize("last", [0, 3, 5, 7])
def test_any_other_end_is_a_failure(tmp_path, last):
    assert sanitize(tmp_path, 2, last)[0] != 0


def test_a_command_that_is_refused_is_a_failure(tmp_path):
    status, asked = sanitize(tmp_path, 1, status=1)

    assert status != 0
    assert len(asked) == 1, "an older sanitize's log is not looked at"
