"""API tokens: made, found, used, run out, revoked."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from portal.audit.models import AuditEvent
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput
from portal.tenancy import tokens
from portal.tenancy.models import APIToken
from portal.tenancy.roles import Role
from portal.tenancy.selectors import find_token, scope_of_token
from portal.tenancy.services import LAST_USED_GRAIN, issue_token, note_token_use, revoke_token
from tests import factories

pytestmark = pytest.mark.django_db

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def issue(**kwargs):
    fields = {"project": factories.project(), "name": "ci", "role": Role.OPERATOR, **kwargs}
    return issue_token(actor=SYSTEM, **fields)


def verbs():
    return list(AuditEvent.objects.order_by("pk").values_list("verb", "target"))


def test_the_secret_is_shown_once_and_only_its_hash_is_kept():
    token, secret = issue(name="  build   server ")

    token.refresh_from_db()
    assert tokens.is_well_formed(secret)
    assert token.secret_sha256 == tokens.digest(secret)
    assert (token.prefix, token.name) == (secret[: tokens.SHOWN_LENGTH], "build server")
    row = APIToken.objects.filter(pk=token.pk).values().get()
    assert not any(secret in str(value) for value in row.values())
    assert verbs() == [("api_token.issued", token.public_id)]
    assert secret not in str(AuditEvent.objects.get().data)


def test_a_live_token_is_found_and_works_in_its_project():
    token, secret = issue(role=Role.VIEWER)

    scope = scope_of_token(find_token(secret), "req_12345678")

    assert (scope.project, scope.role) == (token.project, Role.VIEWER)
    assert (scope.actor.kind, scope.actor.id, scope.actor.request_id) == ("token", token.public_id, "req_12345678")


@pytest.mark.parametrize(
    "secret",
    ["", "junk", "\x00", tokens.new_token(), tokens.new_token(tokens.TEST)],
    ids=["empty", "junk", "NUL", "a live one", "a test one"],
)
def test_an_unknown_token_is_not(secret):
    issue()

    assert find_token(secret) is None


def test_a_malformed_token_does_not_trouble_the_database(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert find_token("my_live_junk") is None


def test_a_token_ends_at_its_instant(clock):
    token, secret = issue(expires_at=NOW + timedelta(hours=1))

    clock.move_to(token.expires_at - TICK)
    assert find_token(secret) == token
    clock.move_to(token.expires_at)
    assert find_token(secret) is None


@pytest.mark.parametrize("ago", [timedelta(0), timedelta(days=1)])
def test_a_token_that_ends_before_it_begins_is_refused(clock, ago):
    with pytest.raises(InvalidInput) as refusal:
        issue(expires_at=NOW - ago)

    assert [(error.field, error.code) for error in refusal.value.errors] == [("expires_at", "past")]
    assert (APIToken.objects.count(), verbs()) == (0, [])


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\x00b"])
def test_an_unusable_name_is_refused(name):
    with pytest.raises(InvalidInput) as refusal:
        issue(name=name)

    assert [(error.field, error.code) for error in refusal.value.errors] == [("name", "invalid_name")]
    assert APIToken.objects.count() == 0


def test_a_revoked_token_opens_nothing_and_revoking_again_changes_nothing(clock):
    token, secret = issue()
    other = issue()[1]
    revoke_token(actor=SYSTEM, token=token)
    clock.move_to(NOW + timedelta(hours=1))

    revoke_token(actor=SYSTEM, token=token)

    token.refresh_from_db()
    assert find_token(secret) is None
    assert find_token(other) is not None
    assert token.revoked_at == NOW
    assert [verb for verb, target in verbs() if target == token.public_id] == ["api_token.issued", "api_token.revoked"]


def test_use_is_noted_at_most_once_a_minute_whatever_the_address(clock):
    token = issue()[0]
    seen = []
    for seconds, address in [(0, "10.0.0.1"), (1, "10.0.0.2"), (59, None), (60, "2001:DB8::1"), (61, "2001:db8::1")]:
        clock.move_to(NOW + timedelta(seconds=seconds))
        token = APIToken.objects.get(pk=token.pk)
        note_token_use(token=token, address=address)
        token.refresh_from_db()
        seen.append((int((token.last_used_at - NOW).total_seconds()), token.last_used_from))

    assert timedelta(minutes=1) == LAST_USED_GRAIN
    assert seen == [
        (0, "10.0.0.1"),
        (0, "10.0.0.1"),
        (0, "10.0.0.1"),
        (60, "2001:db8::1"),
        (60, "2001:db8::1"),
    ]


def test_requests_that_read_the_token_together_write_once(clock):
    token = issue()[0]
    together = [APIToken.objects.get(pk=token.pk) for _ in range(3)]

    for number, same in enumerate(together, start=1):
        note_token_use(token=same, address=f"10.0.0.{number}")

    token.refresh_from_db()
    assert token.last_used_from == "10.0.0.1"


def test_noting_costs_no_query_while_the_last_use_is_fresh(clock, django_assert_num_queries):
    token = issue()[0]
    note_token_use(token=token, address=None)
    token.refresh_from_db()

    with django_assert_num_queries(0):
        note_token_use(token=token, address=None)
