"""The lines of a contract as rows of a form, and what was written as wishes."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from portal.audit.staff.forms import ActForm
from portal.catalog.models import SlaTier
from portal.contracts.admin.head_form import DayInput, midnight
from portal.contracts.checks import MOST_LINES
from portal.contracts.models import Contract, ContractLine
from portal.contracts.ramps import ramp, rungs_of
from portal.contracts.wishes import LineWish
from portal.core.errors import FieldError
from portal.core.periods import Period
from portal.fleet.models import Region, ServerType
from portal.reservations.models import Placement

MEANINGS = {
    "unit_price": "Per GPU and hour; empty: list price",
    "discount": "Discount in percent of the price",
    "overflow": "Servers beyond these that the customer may reserve at list price",
    "ramp": "How many servers there are from later days on",
}


def tiers(besides: Q | None = None) -> QuerySet[SlaTier]:
    """Return the service levels that are offered, and those that were agreed on before they no longer were."""
    offered = Q(is_offered=True)
    return SlaTier.objects.filter(offered | besides if besides else offered).order_by("slug", "-version")


class LineForm(ActForm):
    """A row. Days that are left out are those of the term; without a price it is sold at list price."""

    server_type = forms.ModelChoiceField(ServerType.objects.order_by("slug"), label="Server type")
    region = forms.ModelChoiceField(Region.objects.order_by("code"))
    count = forms.IntegerField(label="Servers")
    starts_at = forms.DateField(label="From", required=False, widget=DayInput)
    ends_at = forms.DateField(label="Until", required=False, widget=DayInput)
    unit_price = forms.DecimalField(label="Price", required=False)
    discount = forms.DecimalField(label="Off %", required=False)
    sla_tier = forms.ModelChoiceField(tiers(), label="SLA tier", required=False)
    placement = forms.ChoiceField(choices=Placement.choices, required=False, initial=Placement.SAME_FABRIC)
    overflow = forms.IntegerField(label="On demand", required=False)
    ramp = forms.CharField(label="Ramp", required=False)
    below_floor_reason = forms.CharField(label="Reason below floor", required=False)
    origin = forms.ModelChoiceField(ContractLine.objects.all(), required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, row: Contract | None = None, **kwargs: Any) -> None:
        """Say how a ramp is written, and what short labels mean; what was agreed on before stays among the choices."""
        super().__init__(*args, row=row, **kwargs)
        if row is not None:
            agreed = ContractLine.objects.filter(contract__in=[row.pk, row.amends_id or row.pk]).values("sla_tier")
            self.fields["sla_tier"].queryset = tiers(Q(pk__in=agreed))  # type: ignore[attr-defined]
        for name, words in MEANINGS.items():
            self.fields[name].widget.attrs["title"] = words
        self.fields["ramp"].widget.attrs["placeholder"] = "16 from 2027-03-01, 24 from 2027-06-01"

    def wishes(self, term: Period) -> list[LineWish]:
        """Return the lines of the row: one, or those of its ramp. Call it when the row is valid; notes a wrong ramp."""
        said = self.cleaned_data
        line = LineWish(
            server_type=said["server_type"],
            region=said["region"],
            count=said["count"],
            starts_at=self._instant("starts_at", term),
            ends_at=self._instant("ends_at", term),
            unit_price=said["unit_price"],
            discount=said["discount"] or Decimal(0),
            sla_tier=said["sla_tier"],
            placement=said["placement"] or Placement.SAME_FABRIC,
            below_floor_reason=said["below_floor_reason"],
            overflow=said["overflow"] or 0,
            origin=said["origin"],
        )
        if not said["ramp"]:
            return [line]
        try:
            parts = ramp(rungs_of(said["ramp"], line.count, line.starts_at), line.ends_at)
        except ValueError as error:
            self.add_error("ramp", ValidationError(str(error), code="invalid"))
            return [line]
        if not parts:
            text = "Give how many servers there are; a ramp without any is no line."
            self.add_error("ramp", ValidationError(text, code="invalid"))
            return [line]
        return [
            replace(line, count=part.servers, starts_at=part.period.start, ends_at=part.period.end) for part in parts
        ]

    def _instant(self, name: str, term: Period) -> Any:
        """Return a day's first instant; what is left out, and an end of the term within a day, is the term's."""
        day, bound = self.cleaned_data[name], term.start if name == "starts_at" else term.end
        return bound if day is None or day == bound.date() else midnight(day)


LineFormSet = forms.formset_factory(
    LineForm, extra=1, can_delete=True, max_num=MOST_LINES, absolute_max=MOST_LINES + 20
)


def initial_rows(contract: Contract, lines: Sequence[ContractLine]) -> list[dict[str, Any]]:
    """Return what the lines of an existing contract fill in."""
    names = [name for name in LineForm.base_fields if name not in ("starts_at", "ends_at", "ramp")]
    return [
        {
            **{name: _short(getattr(line, name)) for name in names},
            "starts_at": line.span.start.date(),
            "ends_at": line.span.end.date(),
        }
        for line in lines
    ]


def _short(value: Any) -> Any:
    """Return a number without the zeros that its column adds: 4.05, not 4.050000."""
    return Decimal(f"{value.normalize():f}") if isinstance(value, Decimal) else value


def written_rows(rows: Any) -> list[LineForm]:
    """Return the rows in which something stands and that are not to be removed. Call it when they were looked at."""
    return [row for row in rows if row.has_changed() and not row.cleaned_data.get("DELETE")]


def show_on_rows(head: forms.BaseForm, rows: Sequence[LineForm], errors: Sequence[FieldError]) -> None:
    """Put what is wrong with lines on the fields of their rows; ``rows`` has the row of each line."""
    for error in errors:
        name, _, rest = error.field.partition(".")
        number, _, field = rest.partition(".")
        said = forms.ValidationError(error.detail, code=error.code)
        if name == "lines" and number.isdecimal() and int(number) < len(rows):
            row = rows[int(number)]
            row.add_error(field if field in row.fields else None, said)
        else:
            head.add_error(error.field if error.field in head.fields else None, said)
