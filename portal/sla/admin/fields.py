"""Fields that the acts of this room share."""

import re
from typing import Any

from django import forms
from django.db.models import Q
from unfold.widgets import UnfoldAdminTextareaWidget

from portal.fleet.models import Server


class ServersField(forms.CharField):
    """Servers by name or id, however many, as people paste them."""

    def __init__(self, **kwargs: Any) -> None:
        """Offer some lines."""
        widget = UnfoldAdminTextareaWidget(attrs={"rows": 4})
        super().__init__(
            **{"widget": widget, "help_text": "Names or ids, with spaces, commas or new lines between.", **kwargs}
        )

    def clean(self, value: Any) -> Any:
        """Return the servers. Raises ValidationError that names what there is not."""
        names = set(re.split(r"[\s,;]+", super().clean(value))) - {""}
        found = list(Server.objects.filter(Q(name__in=names) | Q(public_id__in=names)).order_by("pk"))
        unknown = names - {server.name for server in found} - {server.public_id for server in found}
        if unknown:
            raise forms.ValidationError(f"There is no server {', '.join(sorted(unknown)[:5])}.", code="unknown")
        return found


def text_field(**kwargs: Any) -> forms.CharField:
    """Return a field of several lines."""
    return forms.CharField(widget=UnfoldAdminTextareaWidget(attrs={"rows": 5}), **kwargs)
