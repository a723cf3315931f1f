"""Routes of programs and machines."""

from django.urls import include, path

from portal.api.views import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("agent/v1/", include(("portal.api.agent_urls", "agent"))),
]
