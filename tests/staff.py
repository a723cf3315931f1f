"""People of the staff at their browsers, and a portal with at least one row of everything that they may look at."""

import itertools
from datetime import timedelta
from decimal import Decimal

from django.contrib import admin
from django.test import Client
from django.urls import reverse

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.fleet.models import BMC, NIC, Server, Switch
from portal.operations.models import BootPurpose, BootToken, Operation, OperationServer, WorkerPulse
from portal.quotas.services.budgets import set_budget
from portal.reservations.models import Reservation
from portal.reservations.services import outcomes
from portal.tenancy.models import APIToken, User
from portal.tenancy.staff import StaffRole, set_staff_role
from portal.webhooks.models import Endpoint, Message
from tests import factories, networks
from tests.billing import yard
from tests.catalog.tiers import sla_tier, support_tier
from tests.contracts import builders
from tests.sla import promises
from tests.webhooks import receiving

ADMINISTRATOR = "administrator"
ROLES = (ADMINISTRATOR, *StaffRole)
SECRETS = {
    "username": "MARKER-bmc-user",
    "password_encrypted": "MARKER-bmc-password",
    "secret_sha256": "MARKER-token-digest",
    "token_sha256": "MARKER-boot-digest",
    "verify_key_encrypted": "MARKER-check-key",
    "user_data": "MARKER-user-data",
    "secret_encrypted": "MARKER-webhook-secret",
    "payload": "MARKER-webhook-payload",
    "password": "MARKER-login-digest",
}
"""What no page may show, by the name of its field."""
REASON = {"reason": "asked for by the data centre"}
_mac = itertools.count(1)


def person(role):
    """Return an account with that role among the staff."""
    if role == ADMINISTRATOR:
        return factories.user(is_staff=True, is_superuser=True)
    made = factories.user()
    set_staff_role(actor=SYSTEM, user=made, role=role)
    return made


def browser(role=ADMINISTRATOR):
    """Return a browser in which somebody with that role is logged in; ``person`` on it is the account."""
    client = Client()
    client.person = person(role)
    client.force_login(client.person)
    return client


def starting(scope=None, count=1):
    """Return a reservation whose servers are being imaged."""
    return factories.reservation(scope, count=count, starts_at=clock.now() + factories.SOON)


def hand_over(reservation):
    """Bring a starting reservation to active as the outcome path does."""
    for part in OperationServer.objects.filter(operation__subject=reservation.public_id):
        outcomes.server_ready(part=part, ssh_user="ubuntu")
    outcomes.deploy_finished(operation=part.operation)
    reservation.refresh_from_db()
    return reservation


def world(servers=2):
    """Make rows of every kind, with markers in the fields that no page may show; return the buyer's scope."""
    scope = factories.buyer()
    for server in factories.servers(servers):
        number = next(_mac)
        NIC.objects.create(server=server, mac=f"02:00:00:00:{number // 256:02x}:{number % 256:02x}")
        networks.port(server)
    networks.tenant_network(scope.project)
    factories.token(scope.project)
    factories.quota_request(scope)
    factories.quote(scope)
    factories.own_image(scope)
    factories.waitlist_entry(scope)
    factories.enquiry(scope.organization)
    sla_tier("assured")
    support_tier()
    reservation = starting(scope)
    part = OperationServer.objects.get(operation__subject=reservation.public_id)
    BootToken.objects.create(
        part=part,
        purpose=BootPurpose.IMAGE,
        token_sha256=f"{SECRETS['token_sha256']}-{part.pk}",
        expires_at=clock.now() + timedelta(hours=1),
    )
    factories.certificate(scope, reservation, part.server)
    yard.some_of_everything(scope, reservation)
    WorkerPulse.objects.create(name=f"worker-{part.pk}", queue="operations")
    promises.everything(reservation)
    builders.draft(scope, builders.line(count=1))
    set_budget(scope=scope, actor=scope.actor, amount=Decimal(1000))
    receiving.told(scope)
    _mark()
    return scope


def _mark():
    BMC.objects.update(username=SECRETS["username"], password_encrypted=SECRETS["password_encrypted"])
    Switch.objects.update(username=SECRETS["username"], password_encrypted=SECRETS["password_encrypted"])
    for token in APIToken.objects.all():
        APIToken.objects.filter(pk=token.pk).update(secret_sha256=f"{SECRETS['secret_sha256']}-{token.pk}")
    OperationServer.objects.update(verify_key_encrypted=SECRETS["verify_key_encrypted"])
    Endpoint.objects.update(secret_encrypted=SECRETS["secret_encrypted"])
    Message.objects.update(payload=SECRETS["payload"])
    Reservation.objects.update(user_data=SECRETS["user_data"])
    Operation.objects.update(user_data=SECRETS["user_data"])
    User.objects.filter(is_staff=False).update(password=SECRETS["password"])


def pages():
    """Return the pages of every registered model, by its label."""
    return {model._meta.label_lower: page for model, page in admin.site._registry.items()}


def list_of(model):
    """Return the address of a model's list."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def page_of(row):
    """Return the address of a row's page."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def act_of(row, name):
    """Return the address of an act on a row."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_act", args=[row.pk, name])


def acts_of(model, name):
    """Return the address of an act on a model's list, or on several of its rows."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_act_list", args=[name])


def chosen(*rows):
    """Return what the page before an act sends for those rows, as they are."""
    return {"chosen": [f"{row.pk}:{getattr(row, 'state', '')}" for row in rows]}


def told(client):
    """Return the messages that the next page shows."""
    reply = client.get(reverse("admin:index"))
    return [str(message) for message in reply.context["messages"]]


def free(count=1, **kwargs):
    """Return servers in the pool."""
    made = factories.servers(count, **kwargs)
    return Server.objects.filter(pk__in=[server.pk for server in made]).order_by("pk")
