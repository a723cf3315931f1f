"""The head of a contract as a form: types and formats; what makes sense the service says."""

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Q
from django.forms.models import fields_for_model
from unfold.widgets import INPUT_CLASSES

from portal.audit.staff.forms import ActForm
from portal.catalog.models import OSImage
from portal.contracts.models import Contract
from portal.contracts.models.clauses import CLAUSES
from portal.contracts.templates import TEMPLATES
from portal.contracts.wishes import ContractWish
from portal.core.money import MINOR_UNITS
from portal.tenancy.models import Project

if TYPE_CHECKING:
    ChoiceOfProject = forms.ModelChoiceField[Project]
else:
    ChoiceOfProject = forms.ModelChoiceField

AGREED = ("notice_days", "early_end_percent", "renewal", "renewal_months")


class DayInput(forms.DateInput):
    """The browser's own picker of a day."""

    input_type = "date"

    def __init__(self) -> None:
        """Write values as that picker wants them."""
        super().__init__(attrs={"class": " ".join(INPUT_CLASSES)}, format="%Y-%m-%d")


def midnight(day: Any) -> datetime:
    """Return the first instant of a day, UTC."""
    return datetime.combine(day, time.min, tzinfo=UTC)


class _ProjectChoice(ChoiceOfProject):
    """Projects with their customer's name before them."""

    def label_from_instance(self, obj: Project) -> str:
        """Return both names."""
        return f"{obj.organization.name} · {obj.name}"


class HeadForm(ActForm):
    """Customer, term, money and clauses."""

    project = _ProjectChoice(
        Project.objects.select_related("organization").order_by("organization__name", "name"),
        label="Customer · project",
    )
    title = forms.CharField(max_length=120)
    template = forms.ChoiceField(label="Form", choices=[(known.code, known.title) for known in TEMPLATES.values()])
    starts_at = forms.DateField(label="Term from", widget=DayInput, help_text="00:00 UTC")
    ends_at = forms.DateField(label="Term until", widget=DayInput, help_text="00:00 UTC, not included")
    currency = forms.ChoiceField(
        required=False, choices=[("", "The customer's"), *((code, code) for code in sorted(MINOR_UNITS))]
    )
    payment_days = forms.IntegerField(label="Payment within days", initial=30)
    po_number = forms.CharField(label="PO number", max_length=60, required=False)
    minimum_spend = forms.DecimalField(label="Minimum spend", initial=0)
    image = forms.ModelChoiceField(OSImage.objects.filter(is_published=True), label="OS image", required=False)

    def __init__(self, *args: Any, row: Contract | None = None, **kwargs: Any) -> None:
        """Add the clauses, with the model's words; a version in force decides on some fields for the next one."""
        super().__init__(*args, row=row, **kwargs)
        if row is not None:
            # What was agreed on stays among the choices when it is no longer offered.
            known = OSImage.objects.filter(Q(is_published=True) | Q(pk=row.image_id))
            self.fields["image"].queryset = known  # type: ignore[attr-defined]
        for name, field in fields_for_model(Contract, fields=CLAUSES).items():
            if isinstance(field, forms.CharField):
                field.widget = forms.Textarea(attrs={"rows": 2, "class": " ".join(INPUT_CLASSES)})
            self.add_field(name, field)
        if row is not None and row.amends_id:
            for name in ("project", "currency", "starts_at"):
                self.fields[name].disabled = True

    @classmethod
    def initial_of(cls, contract: Contract) -> dict[str, Any]:
        """Return what an existing contract fills in."""
        plain = {name: getattr(contract, name) for name in cls.base_fields if hasattr(contract, name)}
        days = {"starts_at": contract.span.start.date(), "ends_at": contract.span.end.date()}
        return {**plain, **contract.clauses(), **days}

    def wish(self) -> ContractWish:
        """Return what was written. Call it when the form is valid."""
        said = dict(self.cleaned_data)
        clauses = {name: said.pop(name) for name in CLAUSES}
        project = said["project"]
        # Its instant is kept where the day is: a first version may have begun within a day.
        row = self.row
        kept = row is not None and row.amends_id
        starts_at = row.span.start if row is not None and kept else midnight(said["starts_at"])
        return ContractWish(
            **{**said, "starts_at": starts_at, "ends_at": midnight(said["ends_at"])},
            organization=project.organization,
            clauses=clauses,
        )

    @property
    def has_clause_errors(self) -> bool:
        """Whether something is wrong with a clause, so that those are to be seen."""
        return self.is_bound and bool(set(self.errors) & set(CLAUSES))

    @property
    def main(self) -> list[forms.BoundField]:
        """Fields that every contract needs."""
        return [self[name] for name in self.fields if name not in CLAUSES]

    @property
    def agreed(self) -> list[forms.BoundField]:
        """Fields about the end of the contract."""
        return [self[name] for name in AGREED]

    @property
    def regulated(self) -> list[forms.BoundField]:
        """Fields that financial entities need."""
        return [self[name] for name in CLAUSES if name not in AGREED]
