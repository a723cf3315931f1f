"""What the demo's first customer used: a cluster by contract until today, what was seen of it, and a little more."""

from datetime import timedelta
from decimal import Decimal

from portal.audit.transitions import advance
from portal.catalog.models import SlaTier
from portal.catalog.rates import contract_price
from portal.catalog.selectors import Tariff
from portal.contracts.contract_pdf import pdf_of
from portal.contracts.models import Contract, ContractLine, ContractReservation, Document, Signature
from portal.contracts.paperwork import facts_of
from portal.contracts.prices import price_of
from portal.contracts.services.activating import name_of
from portal.contracts.services.drafting import draft_contract
from portal.contracts.services.ending import move_on
from portal.contracts.services.sending import store
from portal.contracts.states import ContractState
from portal.contracts.wishes import ContractWish
from portal.core import clock
from portal.core.periods import Period
from portal.fleet.models import Region, ServerType
from portal.launcher.demo.business.cast import DAY, MONTHS_BACK, Cast, past, past_months
from portal.launcher.demo.business.lived import live_through, watch
from portal.launcher.demo.offer import CANCELLATION
from portal.reservations.models import Reservation
from portal.tenancy.models import Project, User
from portal.tenancy.scope import Scope

SERVERS = 4
PLACE = ("a100-8x", "us-central-1")
EVALUATION = ("l40s-8x", "eu-north-1")
LOST = timedelta(hours=6, minutes=12)
"""For how long the one server of the story was down: a power supply was waited for."""
BLINK = timedelta(minutes=4)
"""What another one was down for: the promise was kept all the same."""


def outage() -> Period:
    """Return when the server was down: in the month that is billed last."""
    month = past_months()[-1]
    since = past().start.replace(year=month.year, month=month.month, day=12, hour=3, minute=17, second=42)
    return Period(since, since + LOST)


def seed_cluster(cast: Cast) -> Reservation:
    """Write the contract that has expired, by its states, with the reservation that served it. Return that."""
    span, buyer = past(), cast.lumen
    wish = ContractWish(
        title="Pre-training cluster, Iowa",
        organization=buyer.organization,
        project=buyer.project,
        template="reserved-1",
        starts_at=span.start,
        ends_at=span.end,
        po_number="LR-20417",
        payment_days=14,
    )
    contract = draft_contract(actor=cast.sales, wish=wish, since=span.start)
    line = _line(contract)
    _sign(contract, cast)
    reservation = live_through(
        project=buyer.project,
        name=name_of(contract, line),
        server_type=line.server_type,
        region=line.region,
        period=span,
        price=price_of(line, span),
        tier=line.sla_tier,
        requested_by=cast.sales.label,
    )
    ContractReservation.objects.create(line=line, reservation=reservation)
    move_on(contract=contract)
    blinked = outage().start - 5 * DAY
    watch(reservation, {1: [outage()], 3: [Period(blinked, blinked + BLINK)]})
    return reservation


def _line(contract: Contract) -> ContractLine:
    kind, region = ServerType.objects.get(slug=PLACE[0]), Region.objects.get(code=PLACE[1])
    rate = contract_price(kind, region, contract.currency, MONTHS_BACK, clock.now())
    return ContractLine.objects.create(
        contract=contract,
        position=0,
        server_type=kind,
        region=region,
        count=SERVERS,
        period=contract.term,
        unit_price=rate.list_rate,
        list_price=rate.list_rate,
        floor_price=rate.floor_rate,
        sla_tier=SlaTier.objects.get(slug="assured"),
    )


def _sign(contract: Contract, cast: Cast) -> None:
    """Bring it into force as the services would have done it then: sent, signed in the portal, activated."""
    start, scope = contract.span.start, contract.organization.public_id
    advance(contract, ContractState.QUOTED, actor=cast.sales, scope=scope, valid_until=start)
    advance(contract, ContractState.SENT, actor=cast.sales, scope=scope, sent_at=start - 8 * DAY)
    paper = store(contract, Document.Kind.SENT, f"{contract.number}-v1.pdf", pdf_of(facts_of(contract)))
    buyer = cast.lumen.actor
    person = User.objects.get(public_id=buyer.id)
    Signature.objects.create(
        contract=contract,
        name=person.name,
        title="Founder",
        signed_at=start - 5 * DAY,
        ip="203.0.113.20",
        user=person,
        sent_sha256=paper.sha256,
    )
    advance(contract, ContractState.COUNTERSIGNED, actor=buyer, scope=scope)
    advance(contract, ContractState.ACTIVE, actor=cast.sales, scope=scope, activated_at=start - 4 * DAY)


def seed_evaluation(buyer: Scope) -> Reservation:
    """Write what the customer used on demand in its second project, until last night."""
    project = Project.objects.filter(organization=buyer.organization).order_by("pk")[1]
    kind, region = ServerType.objects.get(slug=EVALUATION[0]), Region.objects.get(code=EVALUATION[1])
    rate = contract_price(kind, region, buyer.organization.currency, 0, clock.now())
    span = Period(past().end - 9 * DAY + timedelta(hours=8), past().end - timedelta(hours=3, minutes=30))
    made = live_through(
        project=project,
        name="eval-sweep",
        server_type=kind,
        region=region,
        period=span,
        price=Tariff(kind, region, buyer.organization.currency, Decimal(rate.list_rate), CANCELLATION).quote(2, span),
        tier=None,
        requested_by=buyer.actor.label,
    )
    watch(made, {})
    return made
