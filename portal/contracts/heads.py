"""What is wrong with the head of a contract: every field at once, without looking at the calendar."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from portal.contracts.arithmetic import whole_months
from portal.contracts.models.clauses import CLAUSES, Renewal
from portal.contracts.models.contract import MOST_PAYMENT_DAYS
from portal.contracts.templates import TEMPLATES
from portal.contracts.wishes import ContractWish
from portal.core import clock
from portal.core.errors import FieldError, InvalidInput
from portal.core.money import MINOR_UNITS, Money, round_money
from portal.core.periods import Period

LONGEST_TERM = timedelta(days=3660)
MOST = {"renewal_months": 120, "notice_days": 3660, "incident_notice_hours": 8784, "exit_days": 3660}
"""Of the clauses that are whole numbers."""
MOST_MONEY = Decimal("9_999_999_999_999.99")


def refuse_any(errors: list[FieldError]) -> None:
    """Raise InvalidInput with everything that is wrong, if anything is."""
    if errors:
        raise InvalidInput(errors[0].detail if len(errors) == 1 else "Some fields need your attention.", errors=errors)


def check_head(wish: ContractWish, since: datetime | None = None) -> None:
    """Raise InvalidInput with every wrong field; ``since`` is a start that was agreed before and may be past."""
    refuse_any([*_about_names(wish), *_about_term(wish, since), *_about_money(wish), *_about_clauses(wish)])


def _about_names(wish: ContractWish) -> Iterator[FieldError]:
    if not 1 <= len(wish.title.strip()) <= 120:
        yield FieldError("title", "length", "Give a title of 1 to 120 characters.")
    if wish.project.organization_id != wish.organization.pk:
        yield FieldError("project", "unknown", f"Choose a project of {wish.organization.name}.")
    if wish.template not in TEMPLATES:
        yield FieldError("template", "unknown", f"Choose one of: {', '.join(TEMPLATES)}.")
    if len(wish.po_number) > 60:
        yield FieldError("po_number", "length", "Give at most 60 characters.")
    if wish.image is not None and wish.image.project_id not in (None, wish.project.pk):
        yield FieldError("image", "unknown", "Choose an OS image that the project may use.")


def _about_term(wish: ContractWish, since: datetime | None) -> Iterator[FieldError]:
    if wish.starts_at < clock.now() and wish.starts_at != since:
        yield FieldError("starts_at", "in_the_past", "The term begins in the past; choose a later start.")
    if wish.ends_at <= wish.starts_at:
        yield FieldError("ends_at", "not_after_start", "The term must end after it starts.")
        return
    if wish.ends_at - wish.starts_at > LONGEST_TERM:
        yield FieldError("ends_at", "too_long", "A term is at most ten years.")
    template = TEMPLATES.get(wish.template)
    months = whole_months(Period(wish.starts_at, wish.ends_at))
    if template and months < template.minimum_months:
        text = f"{template.title} runs for at least {template.minimum_months} months; choose a later end."
        yield FieldError("ends_at", "too_short", text)


def _about_money(wish: ContractWish) -> Iterator[FieldError]:
    currency, spend = wish.chosen_currency, wish.minimum_spend
    if currency not in MINOR_UNITS:
        yield FieldError("currency", "unknown", f"Choose one of: {', '.join(sorted(MINOR_UNITS))}.")
        return
    if not 0 <= wish.payment_days <= MOST_PAYMENT_DAYS:
        yield FieldError("payment_days", "out_of_range", f"Give 0 to {MOST_PAYMENT_DAYS} days.")
    if not (spend.is_finite() and 0 <= spend <= MOST_MONEY and spend == round_money(spend, currency)):
        yield FieldError("minimum_spend", "out_of_range", f"Give an amount of {currency} of 0 or more.")
        return
    template = TEMPLATES.get(wish.template)
    if template and spend < template.minimum_spend:
        least = Money(template.minimum_spend, currency)
        yield FieldError("minimum_spend", "too_low", f"{template.title} asks for at least {least}.")


def _about_clauses(wish: ContractWish) -> Iterator[FieldError]:
    said = wish.clauses
    yield from (FieldError(name, "unknown", "There is no such clause.") for name in said if name not in CLAUSES)
    if "renewal" in said and said["renewal"] not in Renewal.values:
        yield FieldError("renewal", "unknown", f"Choose one of: {', '.join(Renewal.values)}.")
    elif said.get("renewal", Renewal.NONE) != Renewal.NONE and not said.get("renewal_months"):
        yield FieldError("renewal_months", "required", "Say for how many months it is renewed.")
    months, notice = said.get("renewal_months") or 0, said.get("notice_days") or 0
    if said.get("renewal") == Renewal.AUTOMATIC and months and notice > 31 * months:
        yield FieldError("notice_days", "too_long", "Give a notice that is not longer than the term after a renewal.")
    for name, most in MOST.items():
        if said.get(name) is not None and not 0 <= said[name] <= most:
            yield FieldError(name, "out_of_range", f"Give 0 to {most}.")
    percent = said.get("early_end_percent", Decimal(100))
    if not (percent.is_finite() and 0 <= percent <= 100 and percent == round(percent, 2)):
        yield FieldError("early_end_percent", "out_of_range", "Give a percentage from 0 to 100.")
    template = TEMPLATES.get(wish.template)
    if template and template.is_regulated:
        for name in ("data_locations", "subcontractors"):
            if not str(said.get(name, "")).strip():
                yield FieldError(name, "required", f"{template.title} must say this; write 'none' where there is none.")
