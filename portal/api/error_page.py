"""docs/errors.md: every code that a client may meet, written from the tables that the code itself uses."""

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from portal.api.problem_types import PROBLEM_TYPES
from portal.operations.event_types import EVENT_TYPES
from portal.operations.failures import FAILURES

PATH: Path = settings.BASE_DIR / "docs" / "errors.md"
COMMAND = "manage.py write_errors_page"
HEAD = f"""\
# Errors, failures and events

Written by `{COMMAND}` from `portal/api/problem_types.py`, `portal/operations/failures.py` and
`portal/operations/event_types.py`; do not edit it.

A refusal of the API is a problem document (RFC 9457, `application/problem+json`) with `type`, `title`, `status`,
`detail`, `instance`, `code` and `request_id`; for bad input also with `errors`, each `{{pointer, code, detail}}`.
Whatever the code, nothing was changed. Codes are stable: one may be added, none changes its meaning.
"""


def errors_page() -> str:
    """Return the page as Markdown."""
    problems = ((_code(kind.code), str(kind.status), kind.title, kind.meaning) for kind in PROBLEM_TYPES.values())
    return "\n".join(
        [
            HEAD,
            "## Problems\n",
            *_table(("Code", "Status", "Title", "Meaning"), problems),
            "\n## Failures of a server\n",
            "In `error` of an operation, and in the reason of a server that could not be handed over or taken back.\n",
            *_table(("Code", "Meaning"), ((_code(code), words) for code, words in FAILURES.items())),
            "\n## Events of a reservation\n",
            "In `type` of an event; what stands in braces is in its `data`.\n",
            *_table(("Type", "Message"), ((_code(name), words) for name, words in EVENT_TYPES.items())),
            "",
        ]
    )


def _code(text: str) -> str:
    return f"`{text}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [head, tuple("---" for _ in head), *sorted(rows)]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]
