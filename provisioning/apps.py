"""Registration of the app."""

from django.apps import AppConfig

from portal.celery import app
from provisioning.schedule import beat_schedule


class ProvisioningConfig(AppConfig):
    """Workers, and the emulated fleet. No tables."""

    name = "provisioning"
    label = "provisioning"

    def ready(self) -> None:
        """Give beat its schedule."""
        app.conf.beat_schedule = beat_schedule()
