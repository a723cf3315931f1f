"""Settings of the launching process itself, which runs before there is a database, a key or a broker."""

SECRET_KEY = "unused: the launcher signs nothing"  # noqa: S105
INSTALLED_APPS = ["portal.launcher"]
USE_TZ = True
TIME_ZONE = "UTC"
DATABASES: dict[str, dict[str, str]] = {}
