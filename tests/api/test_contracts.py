"""Contracts by the API: what was sent is shown to its project, and to no other."""

from hashlib import sha256

import pytest

from tests import factories
from tests.api.client import Api
from tests.contracts import builders
from tests.contracts.builders import line

pytestmark = pytest.mark.django_db


def test_a_sent_contract_is_shown_with_its_lines_and_document():
    scope = builders.stage()
    builders.quoted(scope, line(count=1))
    contract = builders.active(scope, line(sla_tier=builders.tier()))
    api = Api(factories.token(scope.project)[1])

    (shown,) = api.get("/contracts").json()["data"]
    assert shown == api.get(f"/contracts/{contract.public_id}").json()
    assert (shown["number"], shown["state"], shown["total"]["amount"]) == (contract.number, "active", "86400.00")
    assert shown["lines"][0]["reservation"] == scope.project.reservations.get(state="scheduled").public_id
    assert shown["lines"][0]["unit_price"] == {"amount": "2.50", "currency": "USD"}
    assert shown["signed_by"] == "Ana Ruiz, CTO"
    assert shown["clauses"]["early_end_percent"] == "100.00"
    paper = api.get(f"/contracts/{contract.public_id}.pdf")
    assert sha256(paper.content).hexdigest() == shown["document_sha256"]
    assert api.get("/contracts?state=sent").json()["data"] == []


def test_drafts_and_other_projects_contracts_are_not_there():
    scope = builders.stage()
    hidden, contract = builders.quoted(scope, line(count=1)), builders.sent(scope, line(count=1))
    own, other = Api(factories.token(scope.project)[1]), Api(factories.token()[1])

    assert own.get(f"/contracts/{hidden.public_id}").status_code == 404
    for address in (f"/contracts/{contract.public_id}", f"/contracts/{contract.public_id}.pdf"):
        assert own.get(address).status_code == 200
        assert other.get(address).status_code == 404
    assert other.get("/contracts").json()["data"] == []
