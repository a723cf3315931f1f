"""Registration of the app."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """What happens is posted to addresses that tenants name."""

    name = "portal.webhooks"
    label = "webhooks"
    default_auto_field = "django.db.models.BigAutoField"
