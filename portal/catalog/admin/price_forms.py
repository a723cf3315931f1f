"""What acts on price books ask for: also one field for each server type in each region in which it stands."""

from typing import Any

from django import forms

from portal.audit.staff.forms import ActForm, Moment
from portal.catalog.admin.price_lines import FeesField, PricesField, fees_text, price_text
from portal.catalog.admin.term_forms import TermsField, terms_text
from portal.catalog.models import PriceBook
from portal.catalog.services.book_checks import BOOK_NAME_LENGTH, Contents
from portal.catalog.services.books import contents_of
from portal.core import clock
from portal.core.money import MINOR_UNITS
from portal.fleet.models import Region, Server, ServerType

Place = tuple[ServerType, Region]


def _places(book: PriceBook | None) -> list[Place]:
    """Return where which server type stands, or has a price in a book already, by type and region."""
    servers = Server.objects.select_related("server_type", "region").order_by("server_type__slug", "region__code")
    pairs = {(row.server_type, row.region) for row in servers.distinct("server_type__slug", "region__code")}
    if book is not None:
        pairs |= {(row.server_type, row.region) for row in book.prices.select_related("server_type", "region")}
    return sorted(pairs, key=lambda pair: (pair[0].slug, pair[1].code))


def _name(server_type: ServerType, region: Region) -> str:
    return f"price_{server_type.pk}_{region.pk}"


def draft_values(book: PriceBook) -> dict[str, Any]:
    """Return what the form of a draft begins with: what it holds."""
    contents = contents_of(book)
    prices: dict[str, list[str]] = {}
    for line in contents.prices:
        prices.setdefault(_name(line.server_type, line.region), []).append(price_text(line))
    return {
        "name": book.name,
        "valid_from": book.valid.lower if book.valid.lower > clock.now() else None,
        "valid_until": book.valid.upper,
        "terms": terms_text(contents.terms),
        "fees": fees_text(contents.fees),
        **{name: "\n".join(lines) for name, lines in prices.items()},
    }


class DraftForm(ActForm):
    """A draft: its name, its time and what is in it."""

    name = forms.CharField(max_length=BOOK_NAME_LENGTH)
    valid_from = Moment(required=False, label="Valid from (UTC)", help_text="Empty: from now on.")
    valid_until = Moment(required=False, label="Valid until (UTC)", help_text="Empty: without end.")
    terms = TermsField()
    fees = FeesField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Add the fields of the prices."""
        super().__init__(*args, **kwargs)
        self.places = {_name(*place): place for place in _places(self.row)}
        for name, place in self.places.items():
            self.add_field(name, PricesField(*place))

    def clean(self) -> dict[str, Any]:
        """Collect what is in the book."""
        values = super().clean() or {}
        if not self.errors:
            prices = [line for name in self.places for line in values[name]]
            values["contents"] = Contents(prices, values["terms"], values["fees"])
        return values


class NewBookForm(DraftForm):
    """A new book."""

    currency = forms.ChoiceField(choices=[(code, code) for code in sorted(MINOR_UNITS)])
    field_order = ("name", "currency")


class PublishForm(ActForm):
    """From when a draft is to hold."""

    valid_from = Moment(required=False, label="Valid from (UTC)", help_text="Empty: as planned, or from now on.")


class EndBookForm(ActForm):
    """When a price book is to end."""

    at = Moment(required=False, label="Valid until (UTC)", help_text="Empty: it ends now.")
