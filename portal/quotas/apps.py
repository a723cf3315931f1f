"""Registration of the app."""

from django.apps import AppConfig
from django.utils.module_loading import import_string

from portal.approvals import kinds


class QuotasConfig(AppConfig):
    """How much a customer may hold."""

    name = "portal.quotas"
    label = "quotas"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make known what takes two people."""
        kinds.register(import_string("portal.quotas.intents.KIND"))
