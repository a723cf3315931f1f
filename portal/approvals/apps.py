"""Registration of the app."""

from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    """Decisions that take two people."""

    name = "portal.approvals"
    label = "approvals"
    default_auto_field = "django.db.models.BigAutoField"
