"""Registration of the launcher, an app without tables."""

from django.apps import AppConfig


class LauncherConfig(AppConfig):
    """The app that starts everything else."""

    name = "portal.launcher"
    label = "launcher"
