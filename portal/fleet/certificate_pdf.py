"""A certificate of erasure as a page for people, or more of them where much firmware was read.

The signed file is what counts; the page says so.
"""

from datetime import datetime
from typing import Any

from portal.core.paper import Paper
from portal.fleet.verify import digest_of

VERIFIED = {
    "full": "all {bytes_verified:,} bytes were read back",
    "sample": "{blocks_sampled:,} random blocks of 4 KiB, head and tail were read back: {bytes_verified:,} bytes",
}


def pdf_of(certificate: dict[str, Any], canonical: bytes, signature: str) -> bytes:
    """Return the page of a signed certificate; the same certificate gives the same bytes."""
    page = Paper(
        title=f"Certificate of erasure {certificate['id']}",
        heading="Certificate of erasure",
        made_at=datetime.fromisoformat(certificate["issued_at"]),
        author=certificate["issuer"],
        breaks=True,
    )
    page.text(SENTENCE)
    for heading, rows in _sections(certificate):
        page.heading(heading)
        for label, value in rows:
            page.row(label, value)
    page.gap()
    page.row("SHA-256", digest_of(canonical))
    page.row("Key", certificate["key_id"])
    page.row("Signature (Ed25519)", signature)
    page.small(CHECK)
    return page.content()


SENTENCE = "All of this drive was erased; what was read back of it afterwards held nothing of what was stored on it."
CHECK = (
    "This page is for people. What is signed is the JSON file of the same id: check it with `metalyard verify --keys "
    "KEYS FILE`, offline; the keys are published at /api/v1/certificate-keys of the issuer."
)


def _sections(certificate: dict[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    drive, erasure, verification = certificate["drive"], certificate["erasure"], certificate["verification"]
    return [
        (
            "Drive",
            [
                ("Serial number", drive["serial"]),
                ("Model", drive["model"] or "not given"),
                ("Firmware", drive["firmware"] or "not given"),
                ("Size", f"{drive['size_bytes']:,} bytes"),
                ("Server", f"{certificate['server']['serial']} ({certificate['server']['id']})"),
            ],
        ),
        (
            "Erasure",
            [
                ("Method", erasure["method"]),
                ("Begun", erasure["started_at"]),
                ("Done", erasure["ended_at"]),
                ("Recorded", erasure["recorded_at"]),
                ("Read back", VERIFIED[verification["mode"]].format(**verification)),
                ("Left over", f"{verification['residue_bytes']} bytes"),
                ("Operation", certificate["operation"]),
            ],
        ),
        ("Firmware, read after the erasure", _firmware(certificate["firmware"])),
        (
            "Certificate",
            [
                ("Id", certificate["id"]),
                ("Issuer", certificate["issuer"]),
                ("Issued", certificate["issued_at"]),
                ("Reservation", certificate["reservation"] or "none"),
                ("Organization", certificate["organization"] or "none"),
                ("Project", certificate["project"] or "none"),
                ("Number for this server", str(certificate["sequence"])),
                ("Follows", certificate["previous"] or "nothing, it is the first"),
            ],
        ),
    ]


def _firmware(readings: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [
        (
            item["component"],
            f"{item['version'] or 'missing'}, expected {item['expected'] or 'none'}: "
            f"{'as it should be' if item['matches'] else 'WRONG'}",
        )
        for item in readings
    ] or [("None", "no component was read")]
