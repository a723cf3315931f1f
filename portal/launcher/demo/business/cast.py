"""Who acts in the demo, and when: the people by name, and the days that its story hangs on."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self

from portal.core import clock
from portal.core.actors import Actor
from portal.core.months import month_of, previous_month, span_of
from portal.core.periods import Period
from portal.launcher.demo.people import CUSTOMER, NEIGHBOUR, STAFF
from portal.tenancy.models import User
from portal.tenancy.scope import Scope
from portal.tenancy.selectors import scope_of_user
from portal.tenancy.staff import StaffRole

DAY = timedelta(days=1)
MONTHS_BACK = 3
"""How many whole months the cluster of the past was used for, and billed."""


@dataclass(frozen=True)
class Cast:
    """The people of the demo. The customers' scopes are those of their first projects."""

    sales: Actor
    lead: Actor
    finance: Actor
    lumen: Scope
    halden: Scope

    @classmethod
    def of_demo(cls) -> Self:
        """Read them from the database."""
        staff = {role: User.objects.get(email=email).as_actor() for role, email in STAFF.items()}
        return cls(
            staff[StaffRole.SALES],
            staff[StaffRole.SALES_LEAD],
            staff[StaffRole.FINANCE],
            scope_of_user(User.objects.get(email=CUSTOMER)),
            scope_of_user(User.objects.get(email=NEIGHBOUR)),
        )


def today() -> datetime:
    """Return the last midnight in UTC."""
    return clock.now().replace(hour=0, minute=0, second=0, microsecond=0)


def past_months() -> list[date]:
    """Return the months that are over and that the story covers, the earliest first."""
    months = [previous_month(month_of(clock.now()))]
    while len(months) < MONTHS_BACK:
        months.append(previous_month(months[-1]))
    return months[::-1]


def past() -> Period:
    """Return when the cluster of the past was used: from the first of those months until today began."""
    return Period(span_of(past_months()[0]).start, today())
