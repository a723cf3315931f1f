"""Registration of the app."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The record of who did what, and the only way a state changes."""

    name = "portal.audit"
    label = "audit"
    default_auto_field = "django.db.models.BigAutoField"
