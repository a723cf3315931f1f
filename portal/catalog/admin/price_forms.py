"""What acts on price books ask for: also one field for each server type in each region in which it stands."""

from decimal import Decimal
from typing import Any

from django import forms

from portal.audit.staff.forms import ActForm, Moment
from portal.catalog.admin.term_forms import TermsField, terms_text
from portal.catalog.models import PriceBook
from portal.catalog.services.books import BOOK_NAME_LENGTH, PriceLine
from portal.core.money import MINOR_UNITS
from portal.fleet.models import Server


def _places() -> list[Server]:
    """Return one server for each pair of server type and region, by type and region."""
    pairs = Server.objects.select_related("server_type", "region").order_by("server_type__slug", "region__code")
    return list(pairs.distinct("server_type__slug", "region__code"))


def _name(server_type_pk: int, region_pk: int) -> str:
    return f"price_{server_type_pk}_{region_pk}"


def successor_of(book: PriceBook) -> dict[str, Any]:
    """Return what the form of a book's successor begins with: the same currency, terms and prices, from its end on."""
    prices = {_name(price.server_type_id, price.region_id): price.per_gpu_hour for price in book.prices.all()}
    held = {name: f"{amount.normalize():f}" for name, amount in prices.items()}
    return {"currency": book.currency, "valid_from": book.valid.upper, "terms": terms_text(book), **held}


class PriceBookForm(ActForm):
    """A price book with its prices."""

    name = forms.CharField(max_length=BOOK_NAME_LENGTH)
    currency = forms.ChoiceField(choices=[(code, code) for code in sorted(MINOR_UNITS)])
    valid_from = Moment(required=False, label="Valid from (UTC)", help_text="Empty: from now on.")
    valid_until = Moment(required=False, label="Valid until (UTC)", help_text="Empty: without end.")
    terms = TermsField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Add the fields of the prices."""
        super().__init__(*args, **kwargs)
        self.places = {_name(server.server_type_id, server.region_id): server for server in _places()}
        for name, server in self.places.items():
            self.add_field(
                name,
                forms.DecimalField(
                    required=False,
                    min_value=Decimal(0),
                    max_digits=12,
                    decimal_places=6,
                    label=f"{server.server_type.name} in {server.region.code}",
                    help_text="Per GPU and hour. Empty: not sold.",
                ),
            )

    def clean(self) -> dict[str, Any]:
        """Collect the prices."""
        values = super().clean() or {}
        values["prices"] = [
            PriceLine(server.server_type, server.region, values[name])
            for name, server in self.places.items()
            if values.get(name) is not None
        ]
        return values


class EndBookForm(ActForm):
    """When a price book is to end."""

    at = Moment(required=False, label="Valid until (UTC)", help_text="Empty: it ends now.")
