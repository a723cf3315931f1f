"""Registration of the app."""

from django.apps import AppConfig
from django.utils.module_loading import import_string

from portal.approvals import kinds


class ContractsConfig(AppConfig):
    """What sales agreed with customers."""

    name = "portal.contracts"
    label = "contracts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Say what becomes of decisions on contracts."""
        for name in ("TERMS", "PAYMENT", "END"):
            kinds.register(import_string(f"portal.contracts.intents.{name}"))
