"""From exceptions to problem documents."""

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.http import Http404
from rest_framework import exceptions, serializers

from portal.api.field_errors import field_errors
from portal.api.problem_types import PROBLEM_TYPES
from portal.api.problems import CODES, describe, pointer
from portal.core.errors import all_error_types
from portal.reservations.models import Allocation
from tests import factories
from tests.api.client import assert_problem


class Inner(serializers.Serializer):
    size = serializers.IntegerField()


class Outer(serializers.Serializer):
    items = Inner(many=True)
    names = serializers.ListField(child=serializers.CharField(max_length=1))
    marks = serializers.DictField(child=serializers.IntegerField())


def test_pointers_lead_into_nested_bodies():
    given = Outer(data={"items": [{"size": 1}, {"size": "x"}, {}], "names": ["a", "bb"], "marks": {"a/b": "x"}})
    assert not given.is_valid()

    found = {pointer(error.field): error.code for error in field_errors(given.errors)}

    assert found == {
        "/items/1/size": "invalid",
        "/items/2/size": "required",
        "/names/1": "max_length",
        "/marks/a~1b": "invalid",
    }


def test_every_refusal_of_a_service_is_a_problem_with_its_status():
    for kind in all_error_types():
        problem = describe(kind("Because."))

        assert (problem.code, problem.status, problem.detail) == (kind.code, kind.status, "Because.")
        assert PROBLEM_TYPES[kind.code].title == kind.title


def test_codes_are_given_once():
    kinds = [kind.code for kind in all_error_types()]

    assert len(set(kinds)) == len(kinds)
    assert set(CODES.values()) <= set(PROBLEM_TYPES)


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (Http404(), "not_found", 404),
        (PermissionDenied(), "permission_denied", 403),
        (SuspiciousOperation(), "malformed_request", 400),
        (exceptions.MethodNotAllowed("PUT"), "method_not_allowed", 405),
        (OperationalError("server closed the connection"), "unavailable", 503),
        (InterfaceError("connection already closed"), "unavailable", 503),
    ],
)
def test_what_frameworks_raise_is_a_problem(error, code, status):
    problem = describe(error)

    assert (problem.code, problem.status) == (code, status)


def test_what_nobody_foresaw_is_left_to_the_handler_of_faults():
    assert describe(ValueError("oops")) is None
    assert describe(IntegrityError("some other constraint")) is None


def test_a_lost_race_for_a_server_reads_as_lost(db):
    buyer = factories.buyer()
    factories.server()
    row = factories.reservation(buyer)
    held = Allocation.objects.get(reservation=row)

    held.pk, held.public_id, held.hostname = None, "alo_twin", "twin"

    with pytest.raises(IntegrityError) as lost, transaction.atomic():
        held.save(force_insert=True)

    assert describe(lost.value).code == "insufficient_capacity"


def test_while_the_database_is_away_it_is_said_so_and_when_to_ask_again(api, monkeypatch):
    def away(*_):
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "cursor", away)
    reply = api.get("/me")
    monkeypatch.undo()

    assert_problem(reply, 503, "unavailable")
    assert reply.headers["Retry-After"] == "5"
