"""Every request has an id, which the reply repeats."""

import re

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from portal.core.request_id import RequestIdMiddleware, request_id_of

MADE = re.compile(r"req_[0-9a-f]{24}")


def serve(given=None):
    """Return the id that the view saw and the one that the reply has."""
    seen = []

    def view(request):
        seen.append(request_id_of(request))
        return HttpResponse()

    headers = {} if given is None else {"X-Request-Id": given}
    reply = RequestIdMiddleware(view)(RequestFactory().get("/", headers=headers))
    return seen[0], reply["X-Request-Id"]


@pytest.mark.parametrize("given", ["a" * 8, "Trace-1.2_3", "0" * 64])
def test_a_sane_id_is_taken_and_repeated(given):
    assert serve(given) == (given, given)


@pytest.mark.parametrize(
    "given", [None, "", "a" * 7, "a" * 65, "with space", "<script>x", "line\nbreak", "trailing1\n", "ünïcodé-id"]
)
def test_any_other_is_replaced(given):
    seen, repeated = serve(given)

    assert MADE.fullmatch(seen)
    assert repeated == seen


def test_two_requests_have_two_ids():
    assert serve()[0] != serve()[0]


def test_a_request_that_passed_no_middleware_has_none():
    assert request_id_of(RequestFactory().get("/")) == ""
