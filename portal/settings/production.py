"""Settings of a production host: HTTPS only, secure cookies, no default keys."""

from portal.settings.base import *  # noqa: F403

SECRET_KEY = env.str("SECRET_KEY")  # noqa: F405
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")  # noqa: F405
METALYARD_SECRETS_KEYS = env.list("METALYARD_SECRETS_KEYS")  # noqa: F405
METALYARD_CERTIFICATE_KEY = env.str("METALYARD_CERTIFICATE_KEY")  # noqa: F405
DEBUG = False
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", True)  # noqa: F405
# Servers on the provisioning network have no certificates yet when they boot.
SECURE_REDIRECT_EXEMPT = [r"^agent/", r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31536000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
WHITENOISE_USE_FINDERS = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
