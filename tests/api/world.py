"""Everything that a request could change, to see that it did not."""

from contextlib import contextmanager

from django.apps import apps

PASSING = {"last_used_at", "last_used_from", "last_login"}
"""What is noted of a caller whether or not it is refused."""
LOGS = {"reservations.Enquiry"}
"""What keeps every wish, above all those that were refused."""


def world():
    """Return every row of the portal's tables."""
    return {
        model._meta.label: [
            {name: value for name, value in row.items() if name not in PASSING}
            for row in model._default_manager.order_by("pk").values()
        ]
        for model in apps.get_models()
        if model.__module__.startswith("portal.") and model._meta.label not in LOGS
    }


@contextmanager
def nothing_changes():
    """Fail unless all tables are afterwards as they were before."""
    before = world()
    yield
    after = world()
    assert {label for label in before if before[label] != after[label]} == set()
