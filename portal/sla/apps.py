"""Registration of the app."""

from django.apps import AppConfig


class SlaConfig(AppConfig):
    """Promises measured: outages, credits, incidents, maintenance."""

    name = "portal.sla"
    label = "sla"
    default_auto_field = "django.db.models.BigAutoField"
