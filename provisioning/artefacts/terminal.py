"""The command line that all builders share."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from portal.catalog.signatures import SUFFIX, BadKey, signed
from provisioning.artefacts import debian, published
from provisioning.artefacts.programs import BuildFailed, require

SHARED = Path(__file__).parent


@dataclass(frozen=True)
class Builder:
    """One kind of artefact: its name on the command line, its files, and how it is made.

    ``make`` gets an empty scratch folder, the output folder, the packages' sources and the digest of the inputs.
    """

    module: str
    summary: str
    folder: Path
    artefact: str
    description: str
    programs: tuple[str, ...]
    make: Callable[[Path, Path, debian.Sources, str], None]


def parse(builder: Builder, argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog=f"python -m {builder.module}", description=builder.summary)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help=f"where {builder.artefact} is put")
    parser.add_argument("--mirror", default=debian.MIRROR, metavar="URL", help="Debian's packages (%(default)s)")
    parser.add_argument("--security", default=debian.SECURITY, metavar="URL", help="its security updates (%(default)s)")
    parser.add_argument("--sign-with", type=Path, metavar="PEM", help="private Ed25519 key that signs the description")
    parser.add_argument("--force", action="store_true", help="build even where what is there has the same inputs")
    return parser.parse_args(argv)


def main(builder: Builder, argv: list[str]) -> int:
    """Build what is not there yet; 1 with one line on standard error when that cannot be done."""
    options = parse(builder, argv)
    sources = debian.Sources(options.mirror, options.security)
    inputs = published.digest_of_inputs([SHARED, builder.folder], asdict(sources))
    artefact, description = options.out / builder.artefact, options.out / builder.description
    if not options.force and published.is_current(artefact, description, inputs):
        _say(f"{artefact} is current")
        return _sign(builder, description, options.sign_with)
    try:
        require(builder.programs)
        options.out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="unfinished-", dir=options.out) as scratch:
            builder.make(Path(scratch), options.out, sources, inputs)
    except BuildFailed as error:
        return _give_up(builder, str(error))
    except OSError as error:
        return _give_up(builder, f"{error.filename or options.out}: {error.strerror}")
    _say(f"{artefact} is built: {artefact.stat().st_size} bytes")
    return _sign(builder, description, options.sign_with)


def _sign(builder: Builder, description: Path, key: Path | None) -> int:
    """Put the signature beside the description; without a key there is none, and none of an earlier one."""
    place = description.with_name(description.name + SUFFIX)
    try:
        place.unlink(missing_ok=True)
        if key is not None:
            place.write_bytes(signed(description.read_bytes(), key.read_bytes()))
            _say(f"{place} is its signature")
    except BadKey as error:
        return _give_up(builder, f"{key}: {error}")
    except OSError as error:
        return _give_up(builder, f"{error.filename}: {error.strerror}")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _give_up(builder: Builder, reason: str) -> int:
    sys.stderr.write(f"{builder.artefact} cannot be built: {reason}\n")
    return 1
