"""All routes: the staff admin, the API with the agents' endpoints, and the web pages."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("portal.api.urls")),
    path("", include("portal.web.urls")),
]

handler400 = "portal.api.handlers.bad_request"
handler403 = "portal.api.handlers.forbidden"
handler404 = "portal.api.handlers.not_found"
handler500 = "portal.api.handlers.internal_error"
