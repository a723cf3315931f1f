"""Settings shared by all ways of running. Everything that differs between machines comes from the environment."""

from pathlib import Path

import environ
from csp.constants import NONCE, NONE, SELF
from django.templatetags.static import static

BASE_DIR = Path(__file__).resolve().parent.parent.parent
env = environ.Env()

SECRET_KEY = env.str("SECRET_KEY", "")
DEBUG = env.bool("DEBUG", False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

METALYARD_FAST = env.bool("METALYARD_FAST", False)
METALYARD_STATE_DIR = Path(env.str("METALYARD_STATE_DIR", str(BASE_DIR / ".metalyard")))
METALYARD_IMAGE_DIR = Path(env.str("METALYARD_IMAGE_DIR", str(METALYARD_STATE_DIR / "images")))
METALYARD_PUBLIC_URL = env.str("METALYARD_PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
METALYARD_AGENT_URL = env.str("METALYARD_AGENT_URL", METALYARD_PUBLIC_URL).rstrip("/")
METALYARD_MEDIA_URL = env.str("METALYARD_MEDIA_URL", METALYARD_AGENT_URL).rstrip("/")
METALYARD_MEDIA_DIR = Path(env.str("METALYARD_MEDIA_DIR", str(METALYARD_STATE_DIR / "media")))
METALYARD_AGENT_CA_FILE = env.str("METALYARD_AGENT_CA_FILE", "")
METALYARD_IMAGE_URL = env.str("METALYARD_IMAGE_URL", "").rstrip("/")
METALYARD_IMAGE_KEYS = env.list("METALYARD_IMAGE_KEYS", default=[])
METALYARD_OWN_IMAGES = env.int("METALYARD_OWN_IMAGES", 20)
METALYARD_IMPORTS_AT_ONCE = env.int("METALYARD_IMPORTS_AT_ONCE", 1)
METALYARD_IMPORT_MOST_BYTES = env.int("METALYARD_IMPORT_MOST_BYTES", 20 * 1024**3)
METALYARD_IMPORT_MOST_DISK_BYTES = env.int("METALYARD_IMPORT_MOST_DISK_BYTES", 100 * 1024**3)
METALYARD_IMPORT_NETWORKS = env.list("METALYARD_IMPORT_NETWORKS", default=[])
METALYARD_IMPORT_CA_FILE = env.str("METALYARD_IMPORT_CA_FILE", "")
METALYARD_WEBHOOK_NETWORKS = env.list("METALYARD_WEBHOOK_NETWORKS", default=[])
METALYARD_WEBHOOK_CA_FILE = env.str("METALYARD_WEBHOOK_CA_FILE", "")
METALYARD_SECRETS_KEYS = env.list("METALYARD_SECRETS_KEYS", default=[])
METALYARD_CERTIFICATE_KEY = env.str("METALYARD_CERTIFICATE_KEY", "")
METALYARD_BMC_CA_FILE = env.str("METALYARD_BMC_CA_FILE", "/etc/ssl/certs/ca-certificates.crt")
METALYARD_BMC_TIMEOUT_S = env.int("METALYARD_BMC_TIMEOUT_S", 10)
METALYARD_NETWORKS = env.bool("METALYARD_NETWORKS", True)
METALYARD_SWITCH_CA_FILE = env.str("METALYARD_SWITCH_CA_FILE", METALYARD_BMC_CA_FILE)
METALYARD_SHUT_DOWN_GRACE_S = env.int("METALYARD_SHUT_DOWN_GRACE_S", 90)
METALYARD_BMC_POWER_TIMEOUT_S = env.int("METALYARD_BMC_POWER_TIMEOUT_S", 15)
METALYARD_LEASE_SECONDS = env.float("METALYARD_LEASE_SECONDS", 30)
METALYARD_MIN_RESERVATION_MINUTES = env.int("METALYARD_MIN_RESERVATION_MINUTES", 1 if METALYARD_FAST else 60)
METALYARD_HOLD_MINUTES = env.int("METALYARD_HOLD_MINUTES", 15)
METALYARD_LIVE_HOLDS = env.int("METALYARD_LIVE_HOLDS", 5)
METALYARD_HOLDS_IN_A_ROW = env.int("METALYARD_HOLDS_IN_A_ROW", 3)
METALYARD_HOLD_PAUSE_MINUTES = env.int("METALYARD_HOLD_PAUSE_MINUTES", 60)
METALYARD_OFFER_MINUTES = env.int("METALYARD_OFFER_MINUTES", 4 * 60)
METALYARD_WAITLIST_ENTRIES = env.int("METALYARD_WAITLIST_ENTRIES", 10)
METALYARD_END_NOTICE_MINUTES = env.int("METALYARD_END_NOTICE_MINUTES", 24 * 60)
METALYARD_SWEEP_SECONDS = env.float("METALYARD_SWEEP_SECONDS", 2 if METALYARD_FAST else 5)
METALYARD_STEP_TIME_FACTOR = env.float("METALYARD_STEP_TIME_FACTOR", 1)
METALYARD_API_REQUESTS_PER_MINUTE = env.int("METALYARD_API_REQUESTS_PER_MINUTE", 1200)
METALYARD_LONG_POLLS = env.int("METALYARD_LONG_POLLS", 4)
METALYARD_SELLER = {
    "name": env.str("METALYARD_SELLER_NAME", "Metalyard"),
    "address": env.str("METALYARD_SELLER_ADDRESS", ""),
    "country": env.str("METALYARD_SELLER_COUNTRY", "").upper(),
    "tax_id": env.str("METALYARD_SELLER_TAX_ID", ""),
    "bank": env.str("METALYARD_SELLER_BANK", ""),
}
# Paying online is off unless both are set.
METALYARD_STRIPE_SECRET_KEY = env.str("METALYARD_STRIPE_SECRET_KEY", "")
METALYARD_STRIPE_WEBHOOK_SECRET = env.str("METALYARD_STRIPE_WEBHOOK_SECRET", "")
METALYARD_STRIPE_API_URL = env.str("METALYARD_STRIPE_API_URL", "https://api.stripe.com").rstrip("/")
METALYARD_SHOW_DEMO_LOGINS = env.bool("METALYARD_SHOW_DEMO_LOGINS", False)

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "portal.core",
    "portal.audit",
    "portal.tenancy",
    "portal.approvals",
    "portal.webhooks",
    "portal.fleet",
    "portal.catalog",
    "portal.quotas",
    "portal.operations",
    "portal.reservations",
    "portal.contracts",
    "portal.sla",
    "portal.billing",
    "portal.api",
    "portal.web",
    "portal.launcher",
    "provisioning",
]

MIDDLEWARE = [
    "portal.core.request_id.RequestIdMiddleware",
    "portal.reservations.enquiries.EnquiryMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.web.staff_policy.StaffPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.web.busy.BusyMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.web.shell.shell",
            ],
        },
    }
]

DATABASES = {"default": env.db("DATABASE_URL", default="postgres:///metalyard")}
DATABASES["default"]["CONN_MAX_AGE"] = env.int("DATABASE_CONN_MAX_AGE", 60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# Questions are small here: compiling one takes longer than any answer.
DATABASES["default"].setdefault("OPTIONS", {})["options"] = "-c TimeZone=UTC -c jit=off"
# How often a statement is run before its session keeps it prepared (portal/core/cursors.py). Below 0: never, for a
# pooler that gives each transaction another session and knows no prepared statements, such as PgBouncer before 1.21.
PREPARE_THRESHOLD = env.int("DATABASE_PREPARE_THRESHOLD", 2)
DATABASES["default"]["OPTIONS"]["prepare_threshold"] = PREPARE_THRESHOLD if PREPARE_THRESHOLD >= 0 else None

AUTH_USER_MODEL = "tenancy.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "web:login"
LOGIN_REDIRECT_URL = "web:dashboard"
LOGOUT_REDIRECT_URL = "web:login"

LANGUAGE_CODE = "en"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", str(METALYARD_STATE_DIR / "static")))
WHITENOISE_USE_FINDERS = env.bool("WHITENOISE_USE_FINDERS", True)

CACHES = {"default": env.cache("CACHE_URL", default="locmemcache://metalyard")}
EMAIL_CONFIG = env.email("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
# Mail is sent by the sweep that announces ends: a mail server that does not answer must not hold it up.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "Metalyard <no-reply@localhost>")

CELERY_BROKER_URL = env.str("BROKER_URL", "redis://127.0.0.1:6379/0")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "operations"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 8
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_TASK_PUBLISH_RETRY = False
# No task runs longer than a playbook step; a message that comes back after that finds the claim taken or the work done.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 1800,
    "socket_connect_timeout": 2,
    **({"unacked_restore_interval": 5, "unacked_restore_throttle": 1} if CELERY_BROKER_URL.startswith("redis") else {}),
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["portal.api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["portal.api.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "portal.api.problems.exception_handler",
    "DEFAULT_METADATA_CLASS": None,
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Metalyard API",
    "DESCRIPTION": (
        "Reserve whole GPU servers, watch them being prepared, log in, give them back. Every request needs an API "
        "token as a bearer token. Lists come in pages: send `next_cursor` back as `cursor`. Instants are RFC 3339 in "
        "UTC, periods are half-open, amounts of money are decimal strings. A refusal is a problem document (RFC 9457) "
        "with a stable `code` from [this list](/api/v1/problems), and changes nothing."
    ),
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "ReservationState": "portal.api.serializers.choices.RESERVATION_STATES",
        "OperationState": "portal.api.serializers.choices.OPERATION_STATES",
        "OperationKind": "portal.api.serializers.choices.OPERATION_KINDS",
        "QuoteState": "portal.api.serializers.choices.QUOTE_STATES",
        "WaitlistState": "portal.api.serializers.choices.WAITLIST_STATES",
        "QuotaRequestState": "portal.api.serializers.quotas.QUOTA_REQUEST_STATES",
        "ContractState": "portal.api.serializers.contracts.CONTRACT_STATES",
        "Renewal": "portal.api.serializers.contracts.RENEWALS",
        "QuotaScope": "portal.api.serializers.quotas.QUOTA_SCOPES",
        "Commitment": "portal.api.serializers.price_list.COMMITMENTS",
        "FeeBasis": "portal.api.serializers.price_list.FEE_BASES",
        "SupportHours": "portal.api.serializers.price_list.SUPPORT_HOURS",
        "ImageEncoding": "portal.api.serializers.catalogue.IMAGE_ENCODINGS",
        "ImageImportState": "portal.api.serializers.imports.IMPORT_STATES",
        "Verdict": "portal.api.serializers.handover.VERDICTS",
        "InvoiceState": "portal.api.serializers.billing.INVOICE_STATES",
        "InvoiceLineKind": "portal.api.serializers.billing.LINE_KINDS",
        "UsageGroup": "portal.api.serializers.billing.GROUPS",
        "ClusterVerdict": "portal.api.serializers.handover.CLUSTER_VERDICTS",
        "SlaCondition": "portal.api.serializers.sla.SLA_CONDITIONS",
        "SlaKind": "portal.api.serializers.sla.SLA_KINDS",
        "CreditState": "portal.api.serializers.sla.CREDIT_STATES",
        "CreditReason": "portal.api.serializers.sla.CREDIT_REASONS",
        "EvidenceSource": "portal.api.serializers.sla.EVIDENCE_SOURCES",
        "OutageCondition": "portal.api.serializers.sla.OUTAGE_CONDITIONS",
        "ExclusionCause": "portal.api.serializers.sla.EXCLUSION_CAUSES",
        "IncidentState": "portal.api.serializers.incidents.INCIDENT_STATES",
        "Impact": "portal.api.serializers.incidents.IMPACTS",
        "MaintenanceState": "portal.api.serializers.incidents.MAINTENANCE_STATES",
        "WebhookState": "portal.api.serializers.webhooks.WEBHOOK_STATES",
        "DeliveryState": "portal.api.serializers.webhooks.DELIVERY_STATES",
        "ComponentState": "portal.api.serializers.status.COMPONENT_STATES",
    },
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

UNFOLD = {
    "SITE_TITLE": "Metalyard staff",
    "SITE_HEADER": "Metalyard",
    "SITE_SUBHEADER": "Staff. Times are UTC.",
    "SITE_SYMBOL": "dns",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("web/mark.svg")}],
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [lambda _request: static("staff/staff.css")],
    "BORDER_RADIUS": "6px",
    "LOGIN": {"form": "portal.web.forms.staff_login.StaffLoginForm"},
    "DASHBOARD_CALLBACK": "portal.audit.staff.navigation.overview",
    "SIDEBAR": {"show_search": True, "navigation": "portal.audit.staff.navigation.sidebar"},
    "COLORS": {
        "primary": {
            "50": "#eff3fe",
            "100": "#e0e8fd",
            "200": "#c6d4fb",
            "300": "#a2b8f8",
            "400": "#7d9aff",
            "500": "#5478f2",
            "600": "#2d5be9",
            "700": "#2249c7",
            "800": "#203f9f",
            "900": "#1f387d",
            "950": "#16234c",
        },
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "INFO")},
    "loggers": {"httpx": {"level": "WARNING"}},  # it would name every BMC that is read, every minute
}
