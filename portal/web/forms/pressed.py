"""What the buttons of the calendar say, put into the fields of the search."""

from collections.abc import Mapping
from datetime import date, timedelta

from portal.core import clock
from portal.web.forms.plan import understood


def day_of(text: str) -> date | None:
    """Return the date that a text is; None for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def pressed(asked: Mapping[str, str]) -> dict[str, str]:
    """Return the fields with what the calendar's buttons say put in.

    ``at`` is a pool and a day, ``to`` the last day of the window that begins there; ``go`` is the first day to show.
    """
    found = understood(asked)
    pool, _, day_text = found.get("at", "").rpartition(":")
    day = day_of(day_text)
    if pool and day:
        found |= {"pick": pool, "start": "" if day <= clock.now().date() else f"{day} 00:00", "end": ""}
        last = day_of(found.get("to", ""))
        if last and last >= day:
            found["end"] = f"{last + timedelta(days=1)} 00:00"
    if day_of(found.get("go", "")):
        found["first"] = found["go"]
    return found
