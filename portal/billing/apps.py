"""Registration of the app."""

from django.apps import AppConfig
from django.utils.module_loading import import_string

from portal.approvals import kinds


class BillingConfig(AppConfig):
    """Usage, ledger, invoices, payments."""

    name = "portal.billing"
    label = "billing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make known what takes two people."""
        kinds.register(import_string("portal.billing.intents.KIND"))
