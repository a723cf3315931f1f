"""Registration of the app."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """Work orders for machines."""

    name = "portal.operations"
    label = "operations"
    default_auto_field = "django.db.models.BigAutoField"
