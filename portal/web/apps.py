"""Registration of the app."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """The face for customers."""

    name = "portal.web"
    label = "web"
