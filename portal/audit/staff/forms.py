"""What an act asks for: plain forms in the staff theme. None is bound to a model, so none can save a row by itself."""

from typing import Any

from django import forms
from unfold.widgets import (
    INPUT_CLASSES,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

REASON_LENGTH = 300
WIDGETS: tuple[tuple[type[forms.Field], type[forms.Widget]], ...] = (
    (forms.ModelChoiceField, UnfoldAdminSelectWidget),
    (forms.ChoiceField, UnfoldAdminSelectWidget),
    (forms.DecimalField, UnfoldAdminDecimalFieldWidget),
    (forms.IntegerField, UnfoldAdminIntegerFieldWidget),
    (forms.EmailField, UnfoldAdminEmailInputWidget),
    (forms.CharField, UnfoldAdminTextInputWidget),
    (forms.DurationField, UnfoldAdminTextInputWidget),
)
"""The theme's widget for each kind of field; the first that fits is taken."""


class ActForm(forms.Form):
    """A form of an act; ``row`` is the object that is acted upon, or None for several or none."""

    use_required_attribute = False
    notice = ""
    """Set by a form that was sent rightly and still asks for something, such as consent to a price."""
    go = ""
    """What its button says then; otherwise the name of the act."""

    def __init__(self, *args: Any, row: Any = None, **kwargs: Any) -> None:
        """Keep the object and dress the fields."""
        super().__init__(*args, **kwargs)
        self.row = row
        for field in self.fields.values():
            _dress(field)

    def add_field(self, name: str, field: forms.Field) -> None:
        """Add a field that depends on the object or on rows of the database."""
        self.fields[name] = field
        _dress(field)


def _dress(field: forms.Field) -> None:
    """Give a field that has its kind's plain widget the theme's one."""
    for kind, widget in WIDGETS:
        if isinstance(field, kind) and type(field.widget) is kind.widget:
            dressed = widget()
            if isinstance(field, forms.ChoiceField):
                dressed.choices = field.choices  # type: ignore[attr-defined]
            dressed.is_required = field.required
            dressed.attrs.update(field.widget_attrs(dressed))
            field.widget = dressed
            return


class ReasonForm(ActForm):
    """Why it is done; the record keeps it."""

    reason = forms.CharField(
        max_length=REASON_LENGTH,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="The record keeps it with your name.",
    )

    def clean_reason(self) -> str:
        """Put the reason on one line."""
        return " ".join(self.cleaned_data["reason"].split())


class TenantReasonForm(ReasonForm):
    """A reason that the customer reads too, ``read_on`` one of its pages."""

    read_on = "the reservation"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Say who reads it."""
        super().__init__(*args, **kwargs)
        self.fields[
            "reason"
        ].help_text = f"The customer reads it on {self.read_on}; the record keeps it with your name."


class MomentInput(forms.DateTimeInput):
    """The browser's own picker of day and minute."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        """Write values as that picker wants them."""
        super().__init__(attrs={"class": " ".join(INPUT_CLASSES)}, format="%Y-%m-%dT%H:%M")


class Moment(forms.DateTimeField):
    """An instant, to the minute; times without a zone are UTC."""

    widget = MomentInput
