"""Settings of the test suite. Keys and passwords here protect nothing."""

import tempfile
from pathlib import Path

from portal.settings.base import *  # noqa: F403

SECRET_KEY = env.str("SECRET_KEY", "test-only-key-test-only-key-test-only-key-test-only-key")  # noqa: F405
METALYARD_SECRETS_KEYS = env.list(  # noqa: F405
    "METALYARD_SECRETS_KEYS", default=["zqjGJGhTOsc8wAPyOGMDRi4JwJGQeAkYPqGRWPh0pPE="]
)
METALYARD_CERTIFICATE_KEY = env.str(  # noqa: F405
    "METALYARD_CERTIFICATE_KEY", "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
)
ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
METALYARD_STATE_DIR = Path(env.str("METALYARD_STATE_DIR", tempfile.gettempdir() + "/metalyard-tests"))  # noqa: F405
METALYARD_IMAGE_DIR = Path(env.str("METALYARD_IMAGE_DIR", str(METALYARD_STATE_DIR / "images")))  # noqa: F405
CELERY_BROKER_URL = env.str("BROKER_URL", "memory://")  # noqa: F405
DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405
if not env.str("EMAIL_URL", ""):  # noqa: F405
    EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
