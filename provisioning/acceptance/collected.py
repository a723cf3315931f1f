"""What a server said of itself, as its agent wrote it. Hostile until here: limits first, then shapes."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SCHEMA = "metalyard.collected/1"
MOST_CHARS = 4 * 1024 * 1024
DOUBLE_MARK = "TEST-DOUBLE"
"""What the output of every test double begins with."""


class Unreadable(ValueError):
    """What a server or one of its tools said is not in the form that it should have."""


@dataclass(frozen=True)
class Output:
    """What one tool said; ``text`` is None where the tool is not there or did not end well."""

    text: str | None
    trouble: str = ""
    is_double: bool = False


@dataclass(frozen=True)
class Collected:
    """All of it. ``clock_offset_s`` is how far the server's clock is outside of the time in which it was asked."""

    hostname: str
    kernel: str
    clock_offset_s: float
    tools: Mapping[str, Output] = field(default_factory=dict)

    def output(self, tool: str) -> Output:
        """Return what a tool said."""
        return self.tools.get(tool, Output(None, "was not asked"))


def printable(text: object, most: int = 120) -> str:
    """Return a text of a machine as it may stand in a report: one line, short, without control characters."""
    return "".join(char if char.isprintable() else " " for char in str(text)[: most * 4]).strip()[:most]


def read_collected(document: str) -> Collected:
    """Read the file that the playbook kept. Raises Unreadable."""
    if len(document) > MOST_CHARS:
        raise Unreadable("it is too long")
    kept = _object(document)
    answer = _object(str(kept.get("answer", "")))
    if answer.get("schema") != SCHEMA:
        raise Unreadable("it is not what our agent writes")
    tools = answer.get("tools")
    if not isinstance(tools, dict):
        raise Unreadable("it has no tools")
    moment, began, ended = _moment(answer.get("time")), _moment(kept.get("began")), _moment(kept.get("ended"))
    return Collected(
        hostname=printable(answer.get("hostname", "")),
        kernel=printable(answer.get("kernel", "")),
        clock_offset_s=max(began - moment, moment - ended, 0.0),
        tools={printable(name, 40): read_output(said) for name, said in list(tools.items())[:32]},
    )


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable("it is not JSON") from error
    if not isinstance(found, dict):
        raise Unreadable("it is not a JSON object")
    return found


def _moment(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unreadable("it has no time")
    return float(value)


def read_output(said: object) -> Output:
    """Read what the agent says of one tool."""
    if not isinstance(said, dict):
        return Output(None, "said nothing that can be read")
    if said.get("absent"):
        return Output(None, "is not installed")
    text = said.get("out")
    if said.get("status") != 0 or not isinstance(text, str):
        return Output(None, f"failed with {printable(said.get('status', said.get('failed')), 30)}")
    if said.get("cut"):
        return Output(None, "said too much")
    if text.startswith(DOUBLE_MARK):
        return Output(text.partition("\n")[2], is_double=True)
    return Output(text)
