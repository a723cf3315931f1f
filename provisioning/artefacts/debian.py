"""Debian's packages: the release that is built from, and a file tree out of a list of packages."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from provisioning.artefacts.programs import BuildFailed, run

SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
SECURITY = "http://deb.debian.org/debian-security"

EPOCH = 1_700_000_000
"""The time stamp of all files: builds of the same packages differ in less."""
ENVIRONMENT = {
    "SOURCE_DATE_EPOCH": str(EPOCH),
    "DEBIAN_FRONTEND": "noninteractive",
    "INITRD": "No",  # Debian's kernel packages make no initial ramdisk then; we have our own, or none
}


@dataclass(frozen=True)
class Sources:
    """Where packages are fetched from; apt checks them by Debian's keys, so plain HTTP suffices."""

    mirror: str = MIRROR
    security: str = SECURITY

    def lines(self) -> list[str]:
        """Return the lines of apt's sources.list."""
        return [
            f"deb {self.mirror} {SUITE} main",
            f"deb {self.mirror} {SUITE}-updates main",
            f"deb {self.security} {SUITE}-security main",
        ]


def build_tree(
    target: Path, packages: Sequence[str], sources: Sources, *, variant: str, options: Sequence[str] = ()
) -> None:
    """Put the packages and what they depend on into ``target``, a folder or a tar file.

    The variant is mmdebstrap's: ``extract`` unpacks only, ``minbase`` installs. Raises BuildFailed.
    """
    run(
        "mmdebstrap",
        "--quiet",
        f"--variant={variant}",
        f"--include={','.join(packages)}",
        '--aptopt=Acquire::Languages "none"',
        *options,
        SUITE,
        target,
        *sources.lines(),
        env={**os.environ, **ENVIRONMENT},
    )


def only(folder: Path, pattern: str) -> Path:
    """Return the one path below ``folder`` that matches. Raises BuildFailed when there is none, or more."""
    matching = sorted(folder.glob(pattern))
    if len(matching) != 1:
        raise BuildFailed(f"expected one {pattern} in Debian's packages, found {len(matching)}")
    return matching[0]
