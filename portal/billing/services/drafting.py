"""Writing the draft of an invoice from what is due."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction

from portal.audit.services import record
from portal.billing.commitments import shortfall
from portal.billing.histories import billable, histories
from portal.billing.models import BillingProfile, CreditGrant, Invoice, InvoiceLine, LineKind
from portal.billing.rating import History, RatedLine, due_until, rate_month
from portal.billing.selectors.amounts import charged_for, credits_left, settled_until
from portal.billing.selectors.commitments import spending_of
from portal.billing.states import InvoiceState
from portal.billing.taxing import sums_of, taken
from portal.contracts.models import Contract
from portal.contracts.selectors import booked_beside, contracts_behind
from portal.core.actors import Actor
from portal.core.months import span_of
from portal.reservations.models import Reservation
from portal.tenancy.models import Organization

BATCH = 1000


@dataclass(frozen=True)
class Owed:
    """A line that is to be written, with what it is for."""

    line: RatedLine
    reservation: Reservation | None = None
    grant: CreditGrant | None = None
    contract: Contract | None = None


def owed_for(organization: Organization, month: date) -> dict[str, list[Owed]]:
    """Return by currency what an organization owes for a month, before credits; nothing is written.

    Where corrections would take off more than there is, the rest of them waits for another month.
    """
    reservations = list(billable(organization.pk, month))
    charged, span = charged_for(row.pk for row in reservations), span_of(month)
    contracts = contracts_behind(row.pk for row in reservations)
    found: defaultdict[str, list[Owed]] = defaultdict(list)
    sums: defaultdict[int, Decimal] = defaultdict(Decimal)
    settled = settled_until(organization, month)
    known = histories(reservations, max(settled.values(), default=month), booked_beside(organization, reservations))
    for reservation, history in known:
        later = _due_after(history, span.end, settled.get(history.currency))
        for line in rate_month(history, span, charged.get(reservation.pk, Decimal(0)) - later):
            found[history.currency].append(Owed(line, reservation, contract=contracts.get(reservation.pk)))
            sums[reservation.pk] += line.amount
    for contract, spending in spending_of(organization, month, sums):
        missing = shortfall(spending)
        if missing is not None:
            found[contract.currency].append(Owed(missing, contract=contract))
    return {currency: _never_below_nothing(lines) for currency, lines in sorted(found.items())}


def _due_after(history: History, end: datetime, settled: date | None) -> Decimal:
    """Return what later invoices, up to that of the month ``settled``, charged for the time after an instant."""
    if settled is None:
        return Decimal(0)
    return due_until(history, span_of(settled).end) - due_until(history, end)


def _never_below_nothing(lines: Sequence[Owed]) -> list[Owed]:
    left = sum((owed.line.amount for owed in lines if owed.line.amount > 0), Decimal(0))
    kept = []
    for owed in lines:
        if owed.line.amount < 0 and left + owed.line.amount < 0:
            continue
        left += min(owed.line.amount, Decimal(0))
        kept.append(owed)
    return kept


@transaction.atomic
def draft_invoices(*, actor: Actor, organization: Organization, month: date) -> list[Invoice]:
    """Write a draft for each currency in which something is owed for a month and no invoice stands; return them."""
    owed = owed_for(organization, month)
    standing = Invoice.objects.filter(organization=organization, month=month).exclude(state=InvoiceState.VOID)
    taken_up = set(standing.values_list("currency", flat=True))
    return [
        _draft(actor, organization, month, currency, lines)
        for currency, lines in owed.items()
        if currency not in taken_up and any(each.line.amount for each in lines)
    ]


def _draft(actor: Actor, organization: Organization, month: date, currency: str, lines: list[Owed]) -> Invoice:
    profile = BillingProfile.objects.filter(organization=organization).first() or BillingProfile(
        organization=organization
    )
    lines = [*lines, *_credits(organization, currency, lines)]
    sums = sums_of([owed.line.amount for owed in lines], profile.tax_rate, currency)
    invoice = Invoice.objects.create(
        organization=organization,
        month=month,
        currency=currency,
        state=InvoiceState.DRAFT,
        subtotal=sums.subtotal,
        tax_rate=profile.tax_rate,
        tax=sums.tax,
        total=sums.total,
        seller=dict(settings.METALYARD_SELLER),
        buyer=buyer_of(profile, [owed.contract for owed in lines if not owed.grant]),
    )
    rows = [_line(invoice, position, owed) for position, owed in enumerate(lines, 1)]
    InvoiceLine.objects.bulk_create(rows, batch_size=BATCH)
    record(
        actor=actor,
        verb="invoice.drafted",
        target=invoice.public_id,
        scope=organization.public_id,
        data={"month": f"{month:%Y-%m}", "lines": len(rows), "total": invoice.to_pay.as_json()},
    )
    return invoice


def _credits(organization: Organization, currency: str, lines: Sequence[Owed]) -> list[Owed]:
    known = credits_left(organization, currency)
    most = sum((owed.line.amount for owed in lines), Decimal(0))
    parts = taken([left for _, left in known], most)
    return [
        Owed(RatedLine(LineKind.CREDIT, f"Credit: {grant.label}"[:200], -part), grant=grant)
        for (grant, _), part in zip(known, parts, strict=True)
        if part
    ]


def _line(invoice: Invoice, position: int, owed: Owed) -> InvoiceLine:
    line = owed.line
    return InvoiceLine(
        invoice=invoice,
        position=position,
        kind=line.kind,
        label=line.label[:200],
        reservation=owed.reservation,
        project=owed.reservation.project if owed.reservation else None,
        grant=owed.grant,
        contract=owed.contract,
        period=line.period.as_range() if line.period else None,
        gpu_hours=line.gpu_hours,
        rate=line.rate,
        amount=line.amount,
    )


def buyer_of(profile: BillingProfile, behind: Sequence[Contract | None] = ()) -> dict[str, Any]:
    """Return what stands on an invoice about who is billed, by the contracts ``behind`` its lines (None: none).

    Its orders are those of all of them. It is to be paid when the last of its lines is.
    """
    contracts = {each.pk: each for each in behind if each is not None}.values()
    terms = [(each.po_number, each.payment_days) for each in contracts]
    if None in behind or not terms:
        terms.append((profile.po_number, profile.payment_days))
    return {
        "name": profile.legal_name or profile.organization.name,
        "address": profile.address,
        "country": profile.country,
        "tax_id": profile.tax_id,
        "po_number": ", ".join(dict.fromkeys(number for number, _ in terms if number)),
        "payment_days": max(days for _, days in terms),
    }
