"""The portal: who has which server when, and on what terms."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
