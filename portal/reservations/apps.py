"""Registration of the app."""

from django.apps import AppConfig


class ReservationsConfig(AppConfig):
    """Who has which server when."""

    name = "portal.reservations"
    label = "reservations"
    default_auto_field = "django.db.models.BigAutoField"
