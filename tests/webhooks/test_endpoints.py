"""Endpoints: added, changed, disabled, removed, and only by who may."""

import pytest

from portal.audit.models import AuditEvent
from portal.core import secrets
from portal.core.actors import SYSTEM
from portal.core.errors import Forbidden, InvalidInput, NotFound, StateConflict
from portal.tenancy.roles import Role
from portal.webhooks.models import Endpoint, Message
from portal.webhooks.selectors import endpoint_of, endpoints_of, message_of
from portal.webhooks.services.announcing import announce, ping, resend
from portal.webhooks.services.delivering import claim_due
from portal.webhooks.services.endpoints import (
    MOST_ENDPOINTS,
    change_endpoint,
    remove_endpoint,
    rotate_secret,
)
from portal.webhooks.states import EndpointState
from tests import factories
from tests.webhooks.receiving import endpoint, fresh, told

pytestmark = pytest.mark.django_db


def change(scope, hook, **values):
    return change_endpoint(scope=scope, actor=scope.actor, endpoint=hook, **values)


def test_a_secret_is_kept_encrypted_and_recorded_nowhere(scope):
    hook, secret = endpoint(scope)
    _, second = rotate_secret(scope=scope, actor=scope.actor, endpoint=hook)
    row = fresh(hook)

    assert secret.startswith("whsec_")
    assert second != secret
    assert [secrets.decrypt(text) for text in (row.secret_encrypted, row.former_secret_encrypted)] == [second, secret]
    kept = str(list(Endpoint.objects.values())) + str(list(AuditEvent.objects.values()))
    assert secret not in kept
    assert second not in kept
    assert {"webhook.added", "webhook.secret_rotated"} <= set(AuditEvent.objects.values_list("verb", flat=True))


@pytest.mark.parametrize("chosen", [[], ["no.such"], ["incident.opened", "webhook.ping"]])
def test_only_types_of_the_table_can_be_chosen(scope, chosen):
    with pytest.raises(InvalidInput) as refused:
        endpoint(scope, event_types=chosen)

    assert [error.field for error in refused.value.errors] == ["event_types"]
    assert not Endpoint.objects.exists()


def test_an_address_is_there_once_and_there_are_not_too_many(scope):
    endpoint(scope)
    with pytest.raises(InvalidInput):
        endpoint(scope)
    for number in range(MOST_ENDPOINTS - 1):
        endpoint(scope, f"https://example.com/{number}")
    with pytest.raises(StateConflict):
        endpoint(scope, "https://example.com/one-more")

    assert Endpoint.objects.count() == MOST_ENDPOINTS
    endpoint(factories.scope())


def test_what_waits_for_a_disabled_endpoint_is_given_up_and_can_be_sent_again(scope):
    message = told(scope)
    hook = change(scope, message.endpoint, state="disabled")
    assert (hook.state, hook.state_reason) == (EndpointState.DISABLED, "switched off by the tenant")
    assert (fresh(message).standing, claim_due(actor=SYSTEM)) == ("failed", [])
    for act in (
        lambda: ping(scope=scope, actor=scope.actor, endpoint=hook),
        lambda: resend(scope=scope, actor=scope.actor, message=fresh(message)),
    ):
        with pytest.raises(StateConflict):
            act()

    assert change(scope, hook, state="enabled").is_enabled
    again = resend(scope=scope, actor=scope.actor, message=fresh(message))
    assert (again.standing, again.public_id) == ("waiting", message.public_id)
    assert len(claim_due(actor=SYSTEM)) == 1


def test_a_change_keeps_what_is_not_given(scope):
    hook, _ = endpoint(scope)
    changed = change(scope, hook, event_types=["sla.credited", "invoice.issued"])
    assert (changed.url, changed.event_types) == (hook.url, ["sla.credited", "invoice.issued"])
    for wrong in ({"url": "http://example.com/"}, {"event_types": []}, {"state": "gone"}):
        with pytest.raises(InvalidInput):
            change(scope, hook, **wrong)
    assert fresh(hook).event_types == changed.event_types


def test_only_owners_and_admins_manage_webhooks(scope):
    hook, _ = endpoint(scope)
    for role in (Role.OPERATOR, Role.BILLING, Role.VIEWER):
        other = factories.scope(role, scope.project)
        assert not endpoints_of(other).exists()
        with pytest.raises(NotFound):
            endpoint_of(other, hook.public_id)
        with pytest.raises(Forbidden):
            endpoint(other, "https://example.com/theirs")
        with pytest.raises(Forbidden):
            remove_endpoint(scope=other, actor=other.actor, endpoint=hook)


def asked(other, hook, message):
    """Return all that can be asked about a webhook, by somebody."""
    who = {"scope": other, "actor": other.actor}
    return [
        lambda: endpoint_of(other, hook.public_id),
        lambda: message_of(other, hook, message.public_id),
        lambda: change(other, hook, state="disabled"),
        lambda: rotate_secret(**who, endpoint=hook),
        lambda: remove_endpoint(**who, endpoint=hook),
        lambda: ping(**who, endpoint=hook),
        lambda: resend(**who, message=message),
    ]


def test_another_project_has_no_such_webhook(scope):
    message = told(scope)
    hook, sibling = message.endpoint, factories.project(scope.organization)
    for other in (factories.scope(), factories.scope(Role.OWNER, sibling)):
        for act in asked(other, hook, message):
            with pytest.raises(NotFound):
                act()
    announce(actor=SYSTEM, event_type="incident.opened", data={}, projects=[sibling])
    assert fresh(hook).is_enabled
    assert Message.objects.count() == 1

    remove_endpoint(scope=scope, actor=scope.actor, endpoint=hook)
    assert not Message.objects.exists()
