"""Price books of the demo: terms, floors, fees; and its service levels and support."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from portal.audit.transitions import advance
from portal.catalog.models import CancellationTerm, Commitment, Fee, FeeBasis, Price, PriceBook, SlaTier, SupportTier
from portal.catalog.services.tiers import add_sla_tier, add_support_tier
from portal.catalog.states import BookState
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.fleet.models import Region, ServerType
from portal.launcher.demo.offer import CANCELLATION, REGION_FACTOR, machine_of
from portal.launcher.demo.tiers import SLA_TIERS, SUPPORT_TIERS

CENT = Decimal("0.01")
RATES: tuple[tuple[int, Commitment, Decimal, Decimal], ...] = (
    (0, Commitment.PAY_AS_YOU_GO, Decimal("1.00"), Decimal("0.90")),
    (1, Commitment.PAY_AS_YOU_GO, Decimal("0.94"), Decimal("0.85")),
    (6, Commitment.RESERVED, Decimal("0.86"), Decimal("0.77")),
    (12, Commitment.RESERVED, Decimal("0.78"), Decimal("0.69")),
    (36, Commitment.RESERVED, Decimal("0.66"), Decimal("0.58")),
)
"""Term, commitment, and what parts of the price on demand are list and floor."""
FEES = (
    ("Onboarding with an engineer", Decimal("1500.00"), FeeBasis.ONCE),
    ("Private cross-connect", Decimal("800.00"), FeeBasis.CONTRACT),
    ("Custom BIOS profile", Decimal("40.00"), FeeBasis.SERVER),
)


def seed_prices(sold: Sequence[tuple[ServerType, Region]]) -> None:
    """Create and publish a price book per currency for what is sold where."""
    begins = clock.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=30)
    for currency in ("USD", "EUR"):
        book = PriceBook.objects.create(
            name=f"List prices {begins:%Y-%m} {currency}",
            currency=currency,
            version=1,
            valid=DateTimeTZRange(begins, None),
            state=BookState.DRAFT,
        )
        Price.objects.bulk_create(price for place in sold for price in _prices(book, *place))
        CancellationTerm.objects.bulk_create(
            CancellationTerm(book=book, notice=step.notice, percent=step.percent) for step in CANCELLATION.steps
        )
        Fee.objects.bulk_create(Fee(book=book, name=name, amount=amount, per=per) for name, amount, per in FEES)
        advance(book, BookState.PUBLISHED, actor=SYSTEM)


def seed_tiers() -> None:
    """Add the service levels and the support that are not there: also to a demo from before there were any."""
    for level in SLA_TIERS:
        if not SlaTier.objects.filter(slug=level["slug"]).exists():
            add_sla_tier(actor=SYSTEM, **level)
    for support in SUPPORT_TIERS:
        if not SupportTier.objects.filter(slug=support["slug"]).exists():
            add_support_tier(actor=SYSTEM, **support)


def _prices(book: PriceBook, server_type: ServerType, region: Region) -> list[Price]:
    on_demand = Decimal(machine_of(server_type.slug).prices[book.currency]) * REGION_FACTOR[region.code]
    return [
        Price(
            book=book,
            server_type=server_type,
            region=region,
            months=months,
            commitment=commitment,
            per_gpu_hour=(on_demand * listed).quantize(CENT),
            floor_per_gpu_hour=(on_demand * floor).quantize(CENT),
        )
        for months, commitment, listed, floor in RATES
    ]
