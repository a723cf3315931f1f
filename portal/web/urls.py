"""Routes of the web pages."""

from django.urls import path

from portal.web.views import (
    availability,
    changes,
    endings,
    gallery,
    handover,
    holding,
    keys,
    login,
    overview,
    preferences,
    quotas,
    quotes,
    reservations,
    reserve,
    transfer,
    waitlist,
)

app_name = "web"

urlpatterns = [
    path("", overview.dashboard, name="dashboard"),
    path("login", login.login, name="login"),
    path("logout", login.logout, name="logout"),
    path("availability", availability.availability, name="availability"),
    path("reserve", reserve.reserve, name="reserve"),
    path("hold", holding.hold, name="hold"),
    path("quotes", quotes.quotes, name="quotes"),
    path("quotes/<slug:public_id>", quotes.quote, name="quote"),
    path("quotes/<slug:public_id>/withdraw", quotes.withdraw, name="quote-withdraw"),
    path("waiting-list", waitlist.entries, name="waitlist"),
    path("waiting-list/join", waitlist.join, name="waitlist-join"),
    path("waiting-list/<slug:public_id>/leave", waitlist.leave, name="waitlist-leave"),
    path("reservations", reservations.reservations, name="reservations"),
    path("reservations/<slug:public_id>", reservations.reservation, name="reservation"),
    path("reservations/<slug:public_id>/live", reservations.live, name="reservation-live"),
    path("reservations/<slug:public_id>/release", endings.release, name="release"),
    path("reservations/<slug:public_id>/cancel", endings.cancel, name="cancel"),
    path("reservations/<slug:public_id>/change/<slug:kind>", changes.change, name="change"),
    path("reservations/<slug:public_id>/transfer", transfer.transfer, name="transfer"),
    path("reservations/<slug:public_id>/handover.zip", handover.archive, name="handover-zip"),
    path("reservations/<slug:public_id>/handover/<str:file>", handover.file, name="handover-file"),
    path("servers", overview.servers, name="servers"),
    path("ssh-keys", keys.ssh_keys, name="ssh-keys"),
    path("ssh-keys/<slug:public_id>/delete", keys.delete, name="ssh-key-delete"),
    path("quotas", quotas.quotas, name="quotas"),
    path("quotas/requests/<slug:public_id>/withdraw", quotas.withdraw, name="quota-request-withdraw"),
    path("find", overview.find, name="find"),
    path("project", preferences.project, name="project"),
    path("theme", preferences.theme, name="theme"),
    path("ui/", gallery.gallery, name="gallery"),
]
