"""The ramdisk's own shell files, run by busybox on the build machine as they are run in the ramdisk."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from provisioning.ramdisk.tree import OWN

LIBRARY = OWN / "usr" / "lib" / "metalyard"
BUSYBOX = shutil.which("busybox")

needs_busybox = pytest.mark.skipif(
    BUSYBOX is None or shutil.which("jq") is None, reason="busybox or jq is not installed (apt-get install busybox jq)"
)


def run(*parts, then, run_folder, path=None, **environment):
    """Run ``then`` after the named library files; gives the finished process."""
    sources = "".join(f". {LIBRARY}/{part}.sh\n" for part in ("failure", *parts))
    variables = {"PATH": f"{path}:/usr/bin:/usr/sbin" if path else "/usr/bin:/usr/sbin", "RUN": str(run_folder)}
    variables |= {"LIB": str(LIBRARY), **{name: str(value) for name, value in environment.items()}}
    return subprocess.run([BUSYBOX, "sh", "-c", sources + then], env=variables, capture_output=True, text=True)


def ask(*parts, then, run_folder, **more):
    """The same for what must succeed; gives its standard output."""
    done = run(*parts, then=then, run_folder=run_folder, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
