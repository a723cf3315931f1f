"""The root file system: Debian's packages, our own files, packed without mounting anything."""

import os
from pathlib import Path

from provisioning.artefacts import debian
from provisioning.artefacts.programs import run
from provisioning.osimage import contents

HERE = Path(__file__).parent


def install(target: Path, sources: debian.Sources) -> None:
    """Install the packages and our files into a tar file. Raises BuildFailed."""
    excluded = [f"--dpkgopt=path-exclude={pattern}" for pattern in contents.LEFT_OUT]
    included = [f"--dpkgopt=path-include={pattern}" for pattern in contents.KEPT]
    hook = f"--customize-hook={HERE / 'customise.sh'}"
    debian.build_tree(target, contents.PACKAGES, sources, variant="minbase", options=[*excluded, *included, hook])


def take(archive: Path, pattern: str, scratch: Path) -> Path:
    """Return one file out of the tar file. Raises BuildFailed."""
    folder = scratch / "taken"
    folder.mkdir(exist_ok=True)
    run("tar", "-C", folder, "-xf", archive, "--wildcards", f"./{pattern}")
    return debian.only(folder, pattern)


def pack(archive: Path, scratch: Path) -> Path:
    """Return an ext4 file system with what is in the tar file. Raises BuildFailed."""
    image, tree = scratch / "root.ext4", scratch / "tree"
    tree.mkdir()
    # Owners and device files are kept for whoever is not root by fakeroot, in one session of it.
    as_root = [] if os.geteuid() == 0 else ["fakeroot"]
    run(*as_root, HERE / "pack.sh", archive, tree, image)
    return image
