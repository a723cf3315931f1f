"""What machines boot, built once for all tests that boot it: by the builders' command lines, as people do it."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
ARTEFACTS = REPOSITORY / ".metalyard-images"
"""The quickstart's own cache of the same."""
BUILD_S = 1500


def _build(module):
    """Build into the folder that git ignores; one at a time, and nothing that is there already."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    with (ARTEFACTS / f"{module}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [sys.executable, "-m", module, "--out", str(ARTEFACTS)]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=BUILD_S)
    assert done.returncode == 0, done.stderr


def deploy_iso() -> Path:
    _build("provisioning.ramdisk")
    return ARTEFACTS / "deploy.iso"


def os_image() -> tuple[Path, dict]:
    """The compressed image, and what the JSON beside it says."""
    _build("provisioning.osimage")
    told = json.loads((ARTEFACTS / "debian-12.json").read_text())
    return ARTEFACTS / told["file_name"], told
