"""Questions about what is sold."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from portal.catalog.models import CancellationTerm, ImageImport, OSImage, Price, PriceBook
from portal.catalog.states import FETCH_LIMIT, IMAGE_IMPORT, BookState, ImportState
from portal.catalog.terms import CancellationTerms
from portal.core import clock
from portal.core.errors import NoPrice, NotFound
from portal.core.money import Money
from portal.core.periods import Period
from portal.core.prepared import Given, Prepared
from portal.fleet.models import Region, ServerType
from portal.tenancy.models import Project
from portal.tenancy.scope import Scope


@dataclass(frozen=True)
class QuoteLine:
    """One line of what a price is made of: of what, how much of it at which rate, and what that comes to."""

    label: str
    quantity: str
    amount: Money

    def as_json(self) -> dict[str, Any]:
        """Return the form that is kept with what was quoted."""
        return {"label": self.label, "quantity": self.quantity, "amount": self.amount.as_json()}

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> Self:
        """Read what ``as_json`` wrote."""
        amount = Money(Decimal(kept["amount"]["amount"]), kept["amount"]["currency"])
        return cls(kept["label"], kept["quantity"], amount)


@dataclass(frozen=True)
class PriceQuote:
    """The price of servers for a period, with its arithmetic: servers x GPUs x hours x rate.

    ``lines`` add up to ``total``; ``terms`` tell what of it is owed when it is called off.
    """

    count: int
    gpus: int
    hours: Decimal
    rate: Decimal
    total: Money
    terms: CancellationTerms
    lines: tuple[QuoteLine, ...]

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        return self.total.currency


def images(project: Project) -> models.QuerySet[OSImage]:
    """Return the images that a project may choose by name: those for everybody, and its own."""
    own = models.Q(project=None) | models.Q(project=project)
    return _offered().select_related("project").filter(own).order_by("name", "pk")


def _offered() -> models.QuerySet[OSImage]:
    return OSImage.objects.filter(is_published=True)


def own_images(project: Project) -> models.QuerySet[OSImage]:
    """Return the images of a project's own that it may choose."""
    return _offered().filter(project=project)


_IMAGE = Prepared(
    lambda: _offered().filter(
        models.Q(project=None) | models.Q(project=Given("project")),
        models.Q(public_id=Given("name")) | models.Q(slug=Given("name")),
    )
)


def image_of(project: Project, public_id_or_slug: str) -> OSImage:
    """Return an image that a project may choose by public id or slug. Raises NotFound."""
    image = _IMAGE.first(name=public_id_or_slug, project=project.pk)
    if image is None:
        raise NotFound(f"There is no OS image {public_id_or_slug!r}.")
    return image


def own_image_of(scope: Scope, public_id: str) -> OSImage:
    """Return an image of the project's own, withdrawn ones too. Raises NotFound."""
    image = OSImage.objects.filter(project=scope.project, public_id=public_id).first()
    if image is None:
        raise NotFound("This project has no such image of its own.")
    return image


def imports_of(scope: Scope) -> models.QuerySet[ImageImport]:
    """Return the project's imports, newest first."""
    return ImageImport.objects.select_related("image", "project").filter(project=scope.project).order_by("-pk")


def import_of(scope: Scope, public_id: str) -> ImageImport:
    """Return one import of the project. Raises NotFound."""
    row = imports_of(scope).filter(public_id=public_id).first()
    if row is None:
        raise NotFound("This project has no such import.")
    return row


def waiting_imports() -> models.QuerySet[ImageImport]:
    """Return the imports that wait for a worker, projects by turns: who asks for many holds up only itself."""
    lately = clock.now() - (IMAGE_IMPORT.states[ImportState.QUEUED].deadline or FETCH_LIMIT)
    earlier = ImageImport.objects.filter(
        project=OuterRef("project"), pk__lt=OuterRef("pk"), created_at__gte=lately
    ).order_by()
    turn = Coalesce(Subquery(earlier.values("project").annotate(count=Count("pk")).values("count")), 0)
    return ImageImport.objects.filter(state=ImportState.QUEUED).annotate(turn=turn).order_by("turn", "pk")


def overdue_imports() -> models.QuerySet[ImageImport]:
    """Return open imports past their deadline."""
    return ImageImport.objects.filter(
        state__in=(ImportState.QUEUED, ImportState.FETCHING), state_deadline_at__lt=clock.now()
    ).order_by("pk")


def not_sold(server_type: ServerType, region: Region, currency: str) -> NoPrice:
    """Return the refusal for what no price book sells."""
    return NoPrice(f"{server_type.name} has no price in {region.code} in {currency}; choose another region or type.")


def list_prices(currency: str, at: datetime) -> models.QuerySet[Price]:
    """Return every list price on demand in ``currency`` that holds at an instant, by server type and region."""
    return (
        Price.objects.select_related("book", "server_type", "region")
        .filter(months=0, book__currency=currency, book__valid__contains=at, book__state=BookState.PUBLISHED)
        .order_by("server_type__slug", "region__code")
    )


def next_book(book: PriceBook) -> PriceBook | None:
    """Return the published book of the same currency that begins first after a book's end; None without one."""
    later = PriceBook.objects.filter(
        currency=book.currency, state=BookState.PUBLISHED, valid__startswith__gte=book.valid.upper
    )
    return later.order_by("valid").first()


def terms_of(book: PriceBook) -> CancellationTerms:
    """Return the cancellation terms of a book."""
    return CancellationTerms.of_pairs((term.notice, term.percent) for term in book.cancellation_terms.all())


@dataclass(frozen=True)
class Tariff:
    """What a server type costs on demand in a region at one moment: the rate of a GPU-hour, its book's terms."""

    server_type: ServerType
    region: Region
    currency: str
    rate: Decimal
    terms: CancellationTerms

    def quote(self, count: int, period: Period) -> PriceQuote:
        """Price ``count`` servers for ``period``, rounded once."""
        gpus = count * self.server_type.gpu_count
        total = Money(period.at_rate(self.rate * gpus), self.currency)
        label = f"{self.server_type.name} in {self.region.code}"
        line = QuoteLine(label, _product(gpus, period.hours, self.rate), total)
        return PriceQuote(count, gpus, period.hours, self.rate, total, self.terms, (line,))


def _priced() -> "models.QuerySet[Any]":
    """Return the prices on demand of a server type, with the terms of their book."""
    steps = CancellationTerm.objects.filter(book=models.OuterRef("book")).order_by("notice")
    prices = Price.objects.filter(
        server_type=Given("server_type"),
        months=0,
        book__currency=Given("currency"),
        book__valid__contains=Given("at"),
        book__state=BookState.PUBLISHED,
    )
    return prices.select_related("region").annotate(
        notices=ArraySubquery(steps.values("notice")), percents=ArraySubquery(steps.values("percent"))
    )


_PRICES = Prepared(_priced)
_PRICES_IN_REGION = Prepared(lambda: _priced().select_related(None).filter(region=Given("region")))


def tariffs_of(server_type: ServerType, currency: str, at: datetime, region: Region | None = None) -> dict[int, Tariff]:
    """Return what a server type costs on demand at an instant, by region's pk; where it is not sold is left out.

    One statement: pages price many pools, and price and terms must be of one moment.
    """
    given = {"server_type": server_type.pk, "currency": currency, "at": at}
    rows = _PRICES.rows(**given) if region is None else _PRICES_IN_REGION.rows(**given, region=region.pk)
    return {
        row.region_id: Tariff(
            server_type,
            region or row.region,
            currency,
            row.per_gpu_hour,
            CancellationTerms.of_pairs(zip(row.notices, row.percents, strict=True)),
        )
        for row in rows
    }


def quote_price(
    server_type: ServerType, region: Region, currency: str, count: int, period: Period, at: datetime
) -> PriceQuote:
    """Price ``count`` servers for ``period`` by the book that holds at ``at``, rounded once. Raises NoPrice.

    One statement.
    """
    tariff = tariffs_of(server_type, currency, at, region).get(region.pk)
    if tariff is None:
        raise not_sold(server_type, region, currency)
    return tariff.quote(count, period)


def _product(gpus: int, hours: Decimal, rate: Decimal) -> str:
    """Return the arithmetic of a price, such as ``128 GPU x 336 h x 2.85``; hours to two places."""
    whole, _, places = f"{rate.normalize():f}".partition(".")
    return f"{gpus} GPU x {f'{hours:.2f}'.removesuffix('.00')} h x {whole}.{places.ljust(2, '0')}"
