"""Routes of programs and machines."""

from django.urls import include, path

from portal.api.views import health

urlpatterns = [
    path("healthz", health.HealthView.as_view(), name="healthz"),
    path("readyz", health.ReadyView.as_view(), name="readyz"),
    path("agent/v1/", include(("portal.api.agent_urls", "agent"))),
    path("api/v1/", include(("portal.api.tenant_urls", "api"))),
]
