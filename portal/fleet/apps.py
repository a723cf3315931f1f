"""Registration of the app."""

from django.apps import AppConfig


class FleetConfig(AppConfig):
    """Regions, racks, servers and what is in them."""

    name = "portal.fleet"
    label = "fleet"
    default_auto_field = "django.db.models.BigAutoField"
