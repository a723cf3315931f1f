"""A certificate of erasure on one page for people. The signed file is what counts; the page says so."""

from datetime import datetime
from typing import Any

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from portal.fleet.verify import digest_of

MARGIN_MM = 20
LABEL_MM = 48
LINE_MM = 6
SMALL_PT, BODY_PT, TITLE_PT = 8, 10, 18
VERIFIED = {
    "full": "all {bytes_verified:,} bytes were read back",
    "sample": "{blocks_sampled:,} random blocks of 4 KiB, head and tail were read back: {bytes_verified:,} bytes",
}


def pdf_of(certificate: dict[str, Any], canonical: bytes, signature: str) -> bytes:
    """Return the page of a signed certificate; the same certificate gives the same bytes."""
    pdf = FPDF(format="A4")
    pdf.set_creation_date(datetime.fromisoformat(certificate["issued_at"]))
    pdf.set_title(f"Certificate of erasure {certificate['id']}")
    pdf.set_author(_plain(certificate["issuer"]))
    pdf.set_lang("en")
    pdf.set_auto_page_break(auto=False)
    pdf.set_margin(MARGIN_MM)
    pdf.add_page()
    pdf.set_font("Helvetica", "B", TITLE_PT)
    pdf.cell(0, 12, "Certificate of erasure", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.set_font("Helvetica", "", BODY_PT)
    pdf.multi_cell(0, LINE_MM, SENTENCE, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    for heading, rows in _sections(certificate):
        pdf.ln(3)
        pdf.set_font("Helvetica", "B", BODY_PT)
        pdf.cell(0, LINE_MM, heading, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        for label, value in rows:
            _row(pdf, label, value)
    pdf.ln(3)
    _row(pdf, "SHA-256", digest_of(canonical))
    _row(pdf, "Key", certificate["key_id"])
    _row(pdf, "Signature (Ed25519)", signature)
    pdf.ln(2)
    pdf.set_font("Helvetica", "", SMALL_PT)
    pdf.multi_cell(0, 4, CHECK, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    return bytes(pdf.output())


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
        (
            "Certificate",
            [
                ("Id", certificate["id"]),
                ("Issuer", certificate["issuer"]),
                ("Issued", certificate["issued_at"]),
                ("Reservation", certificate["reservation"] or "none"),
                ("Organization", certificate["organization"] or "none"),
                ("Number for this server", str(certificate["sequence"])),
                ("Follows", certificate["previous"] or "nothing, it is the first"),
            ],
        ),
    ]


def _row(pdf: FPDF, label: str, value: str) -> None:
    pdf.set_font("Helvetica", "", SMALL_PT)
    pdf.cell(LABEL_MM, 5, label)
    pdf.set_font("Courier", "", SMALL_PT)
    pdf.multi_cell(0, 5, _plain(value), new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _plain(value: str) -> str:
    """Return text in the characters of the PDF's own fonts; what a machine says of itself may hold others."""
    return value.encode("latin-1", "replace").decode("latin-1")
