"""What was agreed happens by itself: from a contract's draft to the last invoice, with every figure worked out by hand.

Servers have eight GPUs and the list price is 2.50. January is from the 11th, that is 504 hours; February has 672 hours
and March 744.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from portal.approvals.models import Approval
from portal.approvals.services import decide
from portal.billing.models import Invoice, LineKind
from portal.billing.selectors.ledger import unbalanced
from portal.billing.services.closing import close_due
from portal.billing.services.profiles import set_profile
from portal.contracts.services.activating import activate_contract
from portal.contracts.services.sending import send_contract
from portal.core.actors import SYSTEM
from portal.core.errors import Forbidden
from portal.reservations.services.start import begin_provisioning
from portal.sla.definitions import Condition
from portal.sla.models import SlaCredit
from portal.tenancy.staff import StaffRole
from tests import factories, staff
from tests.billing.books import balances
from tests.billing.yard import clock_at
from tests.contracts import builders
from tests.contracts.builders import line
from tests.sla.world import seen, server_of

pytestmark = pytest.mark.django_db
NOW = datetime(2031, 1, 5, 12, tzinfo=UTC)
BEGIN, MORE, MOST, END = (datetime(2031, *day, tzinfo=UTC) for day in ((1, 11), (1, 21), (2, 1), (4, 1)))
DOWN = datetime(2031, 1, 24, 6, tzinfo=UTC)
DECIDERS = {"contract_terms": StaffRole.SALES_LEAD, "contract_payment": StaffRole.FINANCE}


@pytest.fixture
def scope():
    with clock_at(NOW):
        made = builders.stage(servers=0)
        factories.servers(4)
        set_profile(actor=SYSTEM, organization=made.organization, tax_rate=Decimal(19), po_number="PO-1")
    return made


def ramp():
    tier = builders.tier(below=[Decimal("99.9"), Decimal(99)], credits=[Decimal(10), Decimal(25)])
    until = {"ends_at": END}
    return [
        line(count=2, starts_at=BEGIN, discount=Decimal(20), sla_tier=tier, **until),
        line(count=1, starts_at=MORE, discount=Decimal(10), **until),
        line(count=1, starts_at=MOST, discount=Decimal(15), **until),
    ]


def agreed(scope):
    """Return a signed contract that two people other than its author agreed to."""
    author = staff.person(StaffRole.SALES)
    head = {"payment_days": 45, "po_number": "PO-4711", "minimum_spend": Decimal(120_000)}
    contract = builders.quoted(scope, *ramp(), author=author, starts_at=BEGIN, ends_at=END, **head)
    approvals = list(Approval.objects.filter(subject=contract.public_id))
    assert len(approvals) == len(DECIDERS)
    for approval in approvals:
        with pytest.raises(Forbidden):
            decide(actor=author.as_actor(), approval=approval, approve=True)
        who = next(role for name, role in DECIDERS.items() if approval.kind.startswith(name))
        decide(actor=staff.person(who).as_actor(), approval=approval, approve=True)
    contract.refresh_from_db()
    send_contract(actor=author.as_actor(), contract=contract)
    contract.refresh_from_db()
    return builders.sign(scope, contract)


def lines_of(invoice):
    return [(row.kind, row.rate, row.gpu_hours, row.amount) for row in invoice.lines.order_by("position")]


def committed(rate, gpu_hours, amount):
    return (LineKind.COMMITTED, Decimal(rate), Decimal(gpu_hours), Decimal(amount))


def test_from_a_draft_to_the_last_invoice(scope):
    with clock_at(NOW):
        contract = agreed(scope)
        first, second, third = activate_contract(actor=contract.author.as_actor(), contract=contract).reservations
    for reservation in (first, second, third):
        with clock_at(reservation.span.start - timedelta(minutes=5)):
            begin_provisioning(actor=SYSTEM, reservation=reservation)
            factories.hand_over(reservation)
    back = DOWN + timedelta(hours=10)
    for value, since, until in (
        (Condition.UP, BEGIN, DOWN),
        (Condition.DOWN, DOWN, back),
        (Condition.UP, back, MOST),
    ):
        seen(server_of(first), value, since, until)

    # January: it waits for the last samples.
    with clock_at(MOST + timedelta(hours=6) - timedelta(seconds=1)):
        assert close_due() == 0
    with clock_at(MOST + timedelta(hours=6)):
        assert close_due() == 1
    january, credit = Invoice.objects.get(), SlaCredit.objects.get()

    # 2 x 8 x 504 h x 2.00, 8 x 264 h x 2.25; 494 of 504 hours are 98.015 %, so 25 % of 8 x 504 h x 2.00.
    assert lines_of(january) == [
        committed("2.00", 8064, "16128.00"),
        committed("2.25", 2112, "4752.00"),
        (LineKind.CREDIT, None, None, Decimal("-2016.00")),
    ]
    told = {
        name: credit.arithmetic[name] for name in ("measured_seconds", "down_seconds", "price", "percent", "amount")
    }
    assert told == {
        "measured_seconds": 1_814_400,
        "down_seconds": 36_000,
        "price": "8064",
        "percent": "25",
        "amount": "2016.00",
    }
    assert credit.arithmetic["availability"] == "98.015873015873"
    taken = january.lines.get(kind=LineKind.CREDIT)
    assert (credit.state, credit.state_reason, taken.grant.reference) == (
        "invoiced",
        taken.grant.public_id,
        credit.public_id,
    )
    assert "January 2031: 98.015 % available, 25 % of its price" in taken.label
    # 20,880.00 - 2,016.00 = 18,864.00, of which 19 % is 3,584.16.
    assert (january.subtotal, january.tax, january.total) == (
        Decimal("18864.00"),
        Decimal("3584.16"),
        Decimal("22448.16"),
    )
    assert (january.buyer["po_number"], january.due_at - january.issued_at) == ("PO-4711", timedelta(days=45))
    assert {row.contract for row in january.lines.exclude(kind=LineKind.CREDIT)} == {contract}
    assert balances(scope.organization) == {
        "receivable": Decimal("22448.16"),
        "revenue": Decimal("-20880.00"),
        "credits": Decimal("2016.00"),
        "tax": Decimal("-3584.16"),
    }

    # The other two months at once: a sweep that comes late.
    with clock_at(END + timedelta(hours=6)):
        assert close_due() == 2
        assert close_due() == 0
    march, february, _ = Invoice.objects.all()

    assert lines_of(february) == [
        committed("2.00", 10752, "21504.00"),
        committed("2.25", 5376, "12096.00"),
        committed("2.125", 5376, "11424.00"),
    ]
    # 20,880.00 + 45,024.00 + 49,848.00 = 115,752.00 of 120,000.00 that were agreed: the credit is not asked back.
    assert lines_of(march) == [
        committed("2.00", 11904, "23808.00"),
        committed("2.25", 5952, "13392.00"),
        committed("2.125", 5952, "12648.00"),
        (LineKind.SHORTFALL, None, None, Decimal("4248.00")),
    ]
    # 54,096.00 and 19 % of it.
    assert (march.subtotal, march.tax, march.total) == (
        Decimal("54096.00"),
        Decimal("10278.24"),
        Decimal("64374.24"),
    )
    served = [row.price for row in (first, second, third)]
    assert sum(served) == Decimal("115752.00") == january.subtotal + 2016 + february.subtotal + march.subtotal - 4248
    assert unbalanced() == {}
