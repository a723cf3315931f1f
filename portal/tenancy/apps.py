"""Registration of the app."""

from django.apps import AppConfig


class TenancyConfig(AppConfig):
    """Organizations, projects, people, keys and tokens."""

    name = "portal.tenancy"
    label = "tenancy"
    default_auto_field = "django.db.models.BigAutoField"
