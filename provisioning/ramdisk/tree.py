"""The ramdisk's file tree: programs and libraries out of Debian's packages, modules, certificates, our own files."""

import shutil
from pathlib import Path

from provisioning.artefacts.debian import only
from provisioning.artefacts.programs import run
from provisioning.ramdisk import contents, libraries, modules

OWN = Path(__file__).parent / "root"
FOLDERS = ("dev", "etc/ssl/certs", "mnt", "proc", "run", "sys", "tmp", "usr/bin", "usr/lib64")
LINKS = {"bin": "usr/bin", "sbin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", "usr/sbin": "bin"}
LIBRARIES = "usr/lib/x86_64-linux-gnu"


def build(stage: Path, root: Path) -> None:
    """Make the tree ``root`` from the unpacked packages in ``stage``. Raises BuildFailed."""
    for folder in (*FOLDERS, LIBRARIES, contents.PERL_FOLDER):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, target in LINKS.items():
        (root / name).symlink_to(target)
    _programs(stage, root)
    _modules(stage, root)
    certificates = sorted((stage / contents.CERTIFICATES).glob("*.crt"))
    (root / "etc/ssl/certs/ca-certificates.crt").write_bytes(b"".join(path.read_bytes() for path in certificates))
    shutil.copytree(OWN, root, dirs_exist_ok=True)


def _programs(stage: Path, root: Path) -> None:
    programs = [path for paths in contents.PROGRAMS.values() for path in paths]
    for program in programs:
        shutil.copy(stage / program, root / "usr/bin" / Path(program).name)
    for name, path in libraries.closure(stage, programs).items():
        shutil.copy(path, root / LIBRARIES / name)
    shutil.copy(stage / libraries.LOADER, root / "usr/lib64")
    for module in contents.PERL_MODULES:
        shutil.copy(stage / contents.PERL_FOLDER / module, root / contents.PERL_FOLDER)
    # Debian's own programs go before busybox's of the same name.
    for name in run(stage / contents.BUSYBOX, "--list").split():
        applet = root / "usr/bin" / name
        if not applet.exists():
            applet.symlink_to("busybox")


def _modules(stage: Path, root: Path) -> None:
    source = only(stage, "lib/modules/*")
    target = root / "usr/lib/modules" / source.name
    depmod = (stage / contents.BUSYBOX, "depmod")
    run(*depmod, "-b", stage, source.name)
    dependencies = modules.read_dependencies((source / "modules.dep").read_text(encoding="ascii"))
    built_in = (source / "modules.builtin").read_text(encoding="ascii")
    for path in modules.closure(contents.MODULES, dependencies, built_in):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / path, target / path)
    for name in ("modules.builtin", "modules.order"):
        shutil.copy(source / name, target)
    run(*depmod, "-b", root, source.name)
