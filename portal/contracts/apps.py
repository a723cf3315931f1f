"""Registration of the app."""

from django.apps import AppConfig


class ContractsConfig(AppConfig):
    """What sales agreed with customers."""

    name = "portal.contracts"
    label = "contracts"
    default_auto_field = "django.db.models.BigAutoField"
