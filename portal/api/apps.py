"""Registration of the app."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """The face for programs and machines."""

    name = "portal.api"
    label = "api"
    default_auto_field = "django.db.models.BigAutoField"
