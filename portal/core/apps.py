"""Registration of the app."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """No tables: clock, periods, money, states, locks, errors, ids."""

    name = "portal.core"
    label = "core"
