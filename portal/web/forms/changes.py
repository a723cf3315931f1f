"""What is asked for when a reservation is changed. The services judge it; these only read it."""

from typing import Any

from django import forms

from portal.reservations.models import Reservation
from portal.reservations.request import MAX_COUNT
from portal.tenancy.models import Project
from portal.web.forms.plan import BOUNDS, MOMENT
from portal.web.forms.search import written


class EndForm(forms.Form):
    """Another end."""

    ends_at = forms.DateTimeField(
        label="New end (UTC)",
        error_messages=MOMENT,
        widget=forms.DateTimeInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, reservation: Reservation, **kwargs: Any) -> None:
        """Begin with the present end."""
        super().__init__(*args, **kwargs)
        self.initial.setdefault("ends_at", written(reservation.span.end))


class CountForm(forms.Form):
    """A number of further servers."""

    count = forms.IntegerField(
        label="Further servers",
        min_value=1,
        max_value=MAX_COUNT,
        error_messages=BOUNDS,
        initial=1,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )

    def __init__(self, *args: Any, reservation: Reservation, **kwargs: Any) -> None:
        """Take the same arguments as the other forms; the number does not depend on the reservation."""
        super().__init__(*args, **kwargs)


class ProjectForm(forms.Form):
    """Another project of the organization in which the asker may reserve."""

    to = forms.ChoiceField(label="Project")

    def __init__(self, *args: Any, projects: list[Project], **kwargs: Any) -> None:
        """Offer ``projects``."""
        super().__init__(*args, **kwargs)
        self.projects = {project.public_id: project for project in projects}
        self.fields["to"].choices = [(key, row.name) for key, row in self.projects.items()]  # type: ignore[attr-defined]
