"""Registration of the app."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """What is sold, and for how much."""

    name = "portal.catalog"
    label = "catalog"
    default_auto_field = "django.db.models.BigAutoField"
