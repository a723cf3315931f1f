"""A finished artefact and the JSON beside it: never half there, and not built again from the same inputs."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from provisioning.artefacts.files import digest_of


def digest_of_inputs(folders: Iterable[Path], options: Mapping[str, str]) -> str:
    """Return a digest over all source files below the folders and the options of a build, in hex.

    Debian's own updates are not in it: ``--force`` builds anew with what Debian has now.
    """
    digest = hashlib.sha256(json.dumps(dict(options), sort_keys=True).encode())
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{folder.name}/{path.relative_to(folder)} {path.stat().st_mode & 0o111}\n".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_current(artefact: Path, description: Path, inputs: str) -> bool:
    """Tell whether the artefact is whole and was built from these inputs."""
    try:
        told = json.loads(description.read_text(encoding="utf-8"))
        return bool(told["inputs"] == inputs and told["sha256"] == digest_of(artefact))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def publish(unfinished: Path, artefact: Path, description: Path, facts: Mapping[str, Any]) -> None:
    """Give a finished file its name, then write the JSON beside it with its size and digest.

    Where there is a description there is the artefact that it describes: the old description goes first.
    """
    told = {**facts, "size_bytes": unfinished.stat().st_size, "sha256": digest_of(unfinished)}
    description.unlink(missing_ok=True)
    unfinished.replace(artefact)
    half = description.with_name(description.name + ".part")
    half.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    half.replace(description)
