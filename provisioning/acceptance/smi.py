"""``nvidia-smi -q -x`` and ``nvidia-smi topo -m``.

The elements are those of nvsmi_device_v12.dtd; older drivers call the uncorrectable counts by other names, which are
therefore found by what they end with.
"""

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError, XMLParser

from provisioning.acceptance.collected import Unreadable, printable

MOST_DEPTH = 40
_DECLARES = re.compile(r"<!(?:ENTITY|ELEMENT|ATTLIST|NOTATION)|<!DOCTYPE[^>]*\[", re.IGNORECASE)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_LINKS = re.compile(r"NV(\d+)")


@dataclass(frozen=True)
class Gpu:
    """One GPU. ``uncorrectable`` counts volatile uncorrectable memory errors, None where it has no ECC."""

    model: str
    serial: str
    memory_mib: int | None
    uncorrectable: int | None


@dataclass(frozen=True)
class Gpus:
    """All GPUs of a server, and the version of their driver."""

    driver: str
    gpus: tuple[Gpu, ...]


def read_gpus(text: str) -> Gpus:
    """Read the XML. Raises Unreadable, for entities of its own too: none of this comes from a tool of NVIDIA."""
    if _DECLARES.search(text):
        raise Unreadable("it declares entities")
    root = _parsed(text)
    if root.tag != "nvidia_smi_log":
        raise Unreadable("it is no nvidia_smi_log")
    gpus = tuple(_gpu(element) for element in root.findall("gpu"))
    return Gpus(printable(root.findtext("driver_version", "")), gpus)


def _parsed(text: str) -> Element:
    """Parse, refusing depth: what takes a tree apart later would fall over it."""
    parser = XMLParser()  # noqa: S314 - declarations are refused before
    depth = 0
    for mark in re.finditer(r"<(/?)[A-Za-z][^>]*?(/?)>", text):
        depth += 0 if mark[2] else -1 if mark[1] else 1
        if depth > MOST_DEPTH:
            raise Unreadable("it is too deep")
    try:
        parser.feed(text)
        return parser.close()
    except (ParseError, ValueError) as error:
        raise Unreadable("it is not XML") from error


def _gpu(element: Element) -> Gpu:
    volatile = element.find("ecc_errors/volatile")
    counts = [
        int(found.text)
        for found in (volatile.iter() if volatile is not None else ())
        if "uncorrectable" in found.tag and found.text and found.text.strip().isdecimal() and len(found.text) < 20
    ]
    memory = (element.findtext("fb_memory_usage/total") or "").split()
    return Gpu(
        model=printable(element.findtext("product_name", "")),
        serial=printable(element.findtext("serial", "")),
        memory_mib=int(memory[0]) if memory and memory[0].isdecimal() and len(memory[0]) < 12 else None,
        uncorrectable=sum(counts) if counts else None,
    )


def read_links(text: str) -> dict[tuple[str, str], int]:
    """Return the number of NVLinks between each two GPUs, 0 where they are linked otherwise. Raises Unreadable."""
    lines = [_ANSI.sub("", line) for line in text.splitlines()]
    heads = [line.split() for line in lines if line.split()[:1] == ["GPU0"]]
    names = [word for word in (heads[0] if heads else []) if re.fullmatch(r"GPU\d+", word)]
    rows = {row[0]: row[1:] for row in heads[1:] + [line.split() for line in lines if line.startswith("GPU")] if row}
    if not names or not set(names) <= set(rows) or any(len(rows[name]) < len(names) for name in names):
        raise Unreadable("it has no matrix of GPUs")
    found = {}
    for row, one in enumerate(names):
        for column, other in enumerate(names):
            if row < column:
                match = _LINKS.fullmatch(rows[one][column])
                found[one, other] = int(match[1]) if match else 0
    return found
