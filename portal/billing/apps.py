"""Registration of the app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Usage, ledger, invoices, payments."""

    name = "portal.billing"
    label = "billing"
    default_auto_field = "django.db.models.BigAutoField"
