"""Routes of the machines."""

from django.urls import path

from portal.api.views import agents, media

urlpatterns = [
    path("boot/<str:token>", agents.BootView.as_view(), name="boot"),
    path("media/<str:token>.iso", media.MediumView.as_view(), name="medium"),
    path("progress", agents.ProgressView.as_view(), name="progress"),
    path("done", agents.DoneView.as_view(), name="done"),
    path("phone-home", agents.PhoneHomeView.as_view(), name="phone-home"),
    path("images/<slug:public_id>", agents.ImageView.as_view(), name="image-file"),
]
