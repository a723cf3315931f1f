"""Checking erasure certificates: their form, signature and chain. Needs neither a database nor Django.

``deploy/metalyard verify --keys KEYS FILE...`` runs this file by itself, so it imports nothing else of the portal. It
prints one line a file; docs/decisions/certificates.md tells why.
A file is the canonical JSON (RFC 8785) of ``{"certificate": ..., "signature": ...}``: not a byte of it may differ.
"""

import argparse
import base64
import binascii
import hashlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

VERSION = 1
GOOD, REFUSED, UNUSABLE = 0, 1, 2
"""What the command exits with: all good; something refused; it could not be asked."""
MOST_BYTES = 1024 * 1024
BLOCK_BYTES, SAMPLE_BLOCKS = 4096, 5000
"""What a sample must have read at least: so many random blocks, the first and the last (as `erase_policy` says)."""
MOST_NAMES = 200
"""Characters of a stranger's field names that are shown."""
_SHA256 = r"[0-9a-f]{64}"
_INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
_TEXT, _NAME = r"[\s\S]*", r"[\s\S]+"
FORM: dict[str, Any] = {
    "version": int,
    "id": r"crt_[0-9a-z]{26}",
    "issuer": _NAME,
    "issued_at": _INSTANT,
    "key_id": _SHA256,
    "server": {"id": _NAME, "serial": _NAME},
    "sequence": int,
    "previous": (_SHA256, None),
    "drive": {"serial": _NAME, "model": _TEXT, "firmware": _TEXT, "size_bytes": int},
    "erasure": {
        "method": _NAME,
        "bytes_erased": int,
        "started_at": _INSTANT,
        "ended_at": _INSTANT,
        "recorded_at": _INSTANT,
    },
    "verification": {"mode": r"full|sample", "bytes_verified": int, "blocks_sampled": int, "residue_bytes": int},
    "firmware": [{"component": _NAME, "version": _TEXT, "expected": _TEXT, "matches": bool, "at": _INSTANT}],
    "operation": _NAME,
    "organization": (_NAME, None),
    "project": (_NAME, None),
    "reservation": (_NAME, None),
}
"""Every field of a certificate and of what kind it is: a pattern, a type, an object, a list, or one or the other."""


class Refused(Exception):
    """A certificate is not what it should be; the words say why."""


def canonical(value: Any) -> bytes:
    """Return the one form of a JSON value (RFC 8785). Raises rfc8785.CanonicalizationError, a ValueError."""
    return rfc8785.dumps(value)


def digest_of(certificate: bytes) -> str:
    """Return the SHA-256 of a certificate's canonical form: what the next one of its server names as previous."""
    return hashlib.sha256(certificate).hexdigest()


def key_id_of(public_key: bytes) -> str:
    """Return the fingerprint of a raw public key (32 bytes, RFC 8032): its SHA-256."""
    return hashlib.sha256(public_key).hexdigest()


def envelope(certificate: Mapping[str, Any], signature: bytes) -> bytes:
    """Return the file of a certificate."""
    return canonical({"certificate": certificate, "signature": base64.b64encode(signature).decode()})


def keys_in(text: bytes) -> dict[str, bytes]:
    """Return the raw public keys of a key file by their ids. Raises ValueError for what is none."""
    try:
        keys = [base64.b64decode(entry["public_key"], validate=True) for entry in json.loads(text)["keys"]]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"not a set of keys ({type(error).__name__})") from None
    return {key_id_of(key): key for key in keys}


def read(data: bytes, keys: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the certificate in a file's bytes, its form and signature checked. Raises Refused."""
    if len(data) > MOST_BYTES:
        raise Refused(f"it is larger than any certificate ({MOST_BYTES:,} bytes)")
    try:
        found = json.loads(data)
        is_canonical = canonical(found) == data
    except (ValueError, RecursionError, TypeError) as error:
        raise Refused(f"it is not JSON ({type(error).__name__})") from None
    if not is_canonical:
        raise Refused("it is not in canonical form (RFC 8785): some byte was changed")
    _compare(found, {"certificate": FORM, "signature": _NAME}, "")
    certificate = found["certificate"]
    _require_signature(certificate, found["signature"], keys)
    _require_sense(certificate)
    return dict(certificate)


def _compare(value: Any, form: Any, where: str) -> None:
    """Raise Refused unless ``value`` has the form."""
    if isinstance(form, tuple):
        if value is not None:
            _compare(value, form[0], where)
    elif isinstance(form, dict):
        if not isinstance(value, dict) or value.keys() != form.keys():
            names = value.keys() ^ form.keys() if isinstance(value, dict) else set()
            listed = ", ".join(sorted(names))[:MOST_NAMES]
            raise Refused(f"{where or 'it'} has not the fields that it should have ({listed})")
        for name, inner in form.items():
            _compare(value[name], inner, f"{where}.{name}".lstrip("."))
    elif isinstance(form, list):
        if not isinstance(value, list):
            raise Refused(f"{where} is no list")
        for number, item in enumerate(value):
            _compare(item, form[0], f"{where}[{number}]")
    elif not (type(value) is form if isinstance(form, type) else _matches(value, form)):
        raise Refused(f"{where} is not what it should be")


def _matches(value: Any, pattern: str) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _require_signature(certificate: Mapping[str, Any], written: str, keys: Mapping[str, bytes]) -> None:
    key = keys.get(certificate["key_id"])
    if key is None:
        raise Refused(f"its key {certificate['key_id'][:16]}... is none of the given")
    try:
        signature = base64.b64decode(written, validate=True)
        if base64.b64encode(signature).decode() != written:
            raise Refused("its signature is not written as it should be")
        Ed25519PublicKey.from_public_bytes(key).verify(signature, canonical(certificate))
    except (binascii.Error, ValueError, InvalidSignature):
        raise Refused("its signature is false") from None


def _require_sense(certificate: Mapping[str, Any]) -> None:
    if certificate["version"] != VERSION:
        raise Refused(f"it is of version {certificate['version']}, this is for version {VERSION}")
    size, erasure = certificate["drive"]["size_bytes"], certificate["erasure"]
    verification = certificate["verification"]
    if size <= 0 or erasure["bytes_erased"] != size or verification["residue_bytes"] != 0:
        raise Refused("it does not say that all was erased and nothing left")
    if erasure["ended_at"] < erasure["started_at"]:
        raise Refused("its erasure ended before it began")
    if verification["mode"] == "full" and verification["bytes_verified"] != size:
        raise Refused("it does not say that all was read back")
    if verification["mode"] == "sample" and not _is_sample(verification, size):
        raise Refused(f"it does not say that {SAMPLE_BLOCKS} random blocks, head and tail were read back")
    wrong = [item["component"] for item in certificate["firmware"] if not item["matches"]]
    if wrong:
        raise Refused(f"its firmware is not as it should be ({', '.join(wrong)})")
    if (certificate["sequence"] == 1) != (certificate["previous"] is None) or certificate["sequence"] < 1:
        raise Refused("its place in the chain makes no sense")


def _is_sample(verification: Mapping[str, Any], size: int) -> bool:
    blocks = int(verification["blocks_sampled"])
    return blocks >= SAMPLE_BLOCKS and (blocks + 2) * BLOCK_BYTES <= verification["bytes_verified"] <= size


def check_chain(certificates: Sequence[Mapping[str, Any]]) -> None:
    """Check that the certificates of one server follow one another without a gap. Raises Refused."""
    ordered = sorted(certificates, key=lambda item: int(item["sequence"]))
    for earlier, later in pairwise(ordered):
        first, second = earlier["sequence"], later["sequence"]
        if first == second:
            raise Refused(f"two certificates are number {first}")
        if second != first + 1:
            raise Refused(f"number {first + 1} is missing between {first} and {second}")
        if later["previous"] != digest_of(canonical(earlier)):
            raise Refused(f"number {second} does not follow from number {first}")


def verify(files: Sequence[Path], keys: Mapping[str, bytes], *, as_chain: bool) -> tuple[list[str], bool]:
    """Check files; return one line for each and for each chain, and whether all is good. Raises OSError."""
    lines: list[str] = []
    chains: dict[str, list[dict[str, Any]]] = {}
    is_good = True
    for path in files:
        try:
            with path.open("rb") as file:
                certificate = read(file.read(MOST_BYTES + 1), keys)
        except Refused as refusal:
            lines.append(f"REFUSED {path}: {refusal}")
            is_good = False
            continue
        chains.setdefault(certificate["server"]["id"], []).append(certificate)
        lines.append(f"GOOD {path}: {_in_words(certificate)}")
    for server, certificates in sorted(chains.items()):
        if as_chain and len(certificates) > 1:
            try:
                check_chain(certificates)
                first = min(certificate["sequence"] for certificate in certificates)
                place = f", from number {first} on" if first > 1 else ""
                lines.append(f"GOOD chain of {server}: {len(certificates)} certificates without a gap{place}")
            except Refused as refusal:
                lines.append(f"REFUSED chain of {server}: {refusal}")
                is_good = False
    return lines, is_good


def _in_words(certificate: Mapping[str, Any]) -> str:
    drive, erasure = certificate["drive"], certificate["erasure"]
    return (
        f"drive {drive['serial']} of {certificate['server']['serial']} erased by {erasure['method']}, "
        f"done {erasure['ended_at']}, number {certificate['sequence']}"
    )


def _shown(line: str) -> str:
    """Return a line whose every character is one that the terminal shows: what files hold must not write lines."""
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in line)
    encoding = sys.stdout.encoding or "utf-8"
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the files that are named on the command line; return what to exit with."""
    parser = argparse.ArgumentParser("metalyard verify", description="Check erasure certificates, offline.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument(
        "--keys", type=Path, required=True, help="What GET /api/v1/certificate-keys answers, as a file."
    )
    parser.add_argument("--apart", action="store_true", help="Each by itself: they need not be all of a server's.")
    options = parser.parse_args(arguments)
    try:
        keys = keys_in(options.keys.read_bytes())
        lines, is_good = verify(options.files, keys, as_chain=not options.apart)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"Cannot check: {_shown(str(error))}\n")
        return UNUSABLE
    sys.stdout.write("".join(f"{_shown(line)}\n" for line in lines))
    return GOOD if is_good else REFUSED


if __name__ == "__main__":
    sys.exit(main())
