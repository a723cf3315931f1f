"""Asking for more quota."""

from typing import Any, cast

from django import forms

from portal.fleet.models import Region, ServerType
from portal.fleet.selectors import regions, server_types
from portal.quotas.models import REASON_LENGTH, QuotaScope
from portal.quotas.services.limits import LARGEST_GPU_HOURS, LARGEST_LIMIT
from portal.web.forms.plan import BOUNDS


class QuotaRequestForm(forms.Form):
    """Of what, for whom, how much and what for."""

    server_type = forms.ChoiceField(label="Server type")
    region = forms.ChoiceField(label="Region")
    applies_to = forms.ChoiceField(label="Limit of", choices=QuotaScope.choices, initial=QuotaScope.ORGANIZATION)
    limit = forms.IntegerField(
        label="Servers at once",
        min_value=0,
        max_value=LARGEST_LIMIT,
        error_messages=BOUNDS,
        help_text="At least as many as now.",
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    gpu_hours_per_month = forms.IntegerField(
        label="GPU-hours a month",
        required=False,
        min_value=0,
        max_value=LARGEST_GPU_HOURS,
        error_messages=BOUNDS,
        help_text="Empty: as it is now.",
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    reason = forms.CharField(
        label="What it is for",
        max_length=REASON_LENGTH,
        help_text="Sales read it.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, has_own_limits: bool, **kwargs: Any) -> None:
        """Fill the choices; without limits of its own a project can only ask for its organization."""
        super().__init__(*args, **kwargs)
        self.types = {row.slug: row for row in server_types()}
        self.regions = {row.code: row for row in regions()}
        cast(forms.ChoiceField, self.fields["server_type"]).choices = [
            (row.slug, row.name) for row in self.types.values()
        ]
        cast(forms.ChoiceField, self.fields["region"]).choices = [(code, code) for code in self.regions]
        if not has_own_limits:
            del self.fields["applies_to"]

    def clean_server_type(self) -> ServerType:
        """Return the server type."""
        return self.types[self.cleaned_data["server_type"]]

    def clean_region(self) -> Region:
        """Return the region."""
        return self.regions[self.cleaned_data["region"]]
