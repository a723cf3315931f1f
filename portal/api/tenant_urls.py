"""Routes of the tenants' API, version 1. No address ends with a slash."""

from django.urls import path

from portal.api.views import (
    account,
    availability,
    catalogue,
    documentation,
    events,
    operations,
    quotas,
    quotes,
    reservations,
    servers,
    ssh_keys,
)

urlpatterns = [
    path("me", account.MeView.as_view(), name="me"),
    path("quotas", quotas.QuotasView.as_view(), name="quotas"),
    path("quota-requests", quotas.QuotaRequestsView.as_view(), name="quota-requests"),
    path("quota-requests/<slug:request_id>", quotas.QuotaRequestView.as_view(), name="quota-request"),
    path("quota-requests/<slug:request_id>/withdraw", quotas.WithdrawView.as_view(), name="quota-request-withdraw"),
    path("regions", catalogue.RegionsView.as_view(), name="regions"),
    path("server-types", catalogue.ServerTypesView.as_view(), name="server-types"),
    path("images", catalogue.ImagesView.as_view(), name="images"),
    path("availability", availability.AvailabilityView.as_view(), name="availability"),
    path("quotes", quotes.QuotesView.as_view(), name="quotes"),
    path("quotes/<slug:quote_id>", quotes.QuoteView.as_view(), name="quote"),
    path("quotes/<slug:quote_id>/accept", quotes.AcceptView.as_view(), name="quote-accept"),
    path("quotes/<slug:quote_id>/withdraw", quotes.WithdrawView.as_view(), name="quote-withdraw"),
    path("reservations", reservations.ReservationsView.as_view(), name="reservations"),
    path("reservations/<slug:reservation_id>", reservations.ReservationView.as_view(), name="reservation"),
    path("reservations/<slug:reservation_id>/cancel", reservations.CancelView.as_view(), name="cancel"),
    path("reservations/<slug:reservation_id>/release", reservations.ReleaseView.as_view(), name="release"),
    path(
        "reservations/<slug:reservation_id>/servers",
        servers.ReservationServersView.as_view(),
        name="reservation-servers",
    ),
    path("reservations/<slug:reservation_id>/events", events.EventsView.as_view(), name="reservation-events"),
    path("servers", servers.ServersView.as_view(), name="servers"),
    path("servers/<slug:server_id>", servers.ServerView.as_view(), name="server"),
    path("operations", operations.OperationsView.as_view(), name="operations"),
    path("operations/<slug:operation_id>", operations.OperationView.as_view(), name="operation"),
    path("ssh-keys", ssh_keys.SSHKeysView.as_view(), name="ssh-keys"),
    path("ssh-keys/<slug:key_id>", ssh_keys.SSHKeyView.as_view(), name="ssh-key"),
    path("openapi.json", documentation.OpenAPIView.as_view(), name="openapi"),
    path("problems", documentation.ProblemsView.as_view(), name="problems"),
    # Here people type the address themselves, with the slash and without.
    path("docs", documentation.DocsView.as_view()),
    path("docs/", documentation.DocsView.as_view(), name="docs"),
]
