"""Registration of the app."""

from django.apps import AppConfig


class QuotasConfig(AppConfig):
    """How much a customer may hold."""

    name = "portal.quotas"
    label = "quotas"
    default_auto_field = "django.db.models.BigAutoField"
