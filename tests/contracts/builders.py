"""Contracts in each state, by the services that bring them there."""

from datetime import timedelta
from decimal import Decimal

from portal.approvals.models import Approval
from portal.approvals.services import decide
from portal.approvals.states import ApprovalState
from portal.catalog.models import SlaTier
from portal.contracts.models import Document
from portal.contracts.services.activating import activate_contract
from portal.contracts.services.drafting import draft_contract, set_lines
from portal.contracts.services.quoting import quote_contract
from portal.contracts.services.sending import send_contract
from portal.contracts.services.signing import countersign
from portal.contracts.wishes import ContractWish, LineWish
from portal.core import clock
from tests import factories

DAY = timedelta(days=1)
PDF = b"%PDF-1.4 signed"


def tomorrow():
    return (clock.now() + DAY).replace(hour=0, minute=0, second=0, microsecond=0)


def seller(**kwargs):
    return factories.user(is_staff=True, **kwargs)


def tier(**kwargs):
    fields = {
        "slug": "gold",
        "name": "Gold",
        "target": Decimal("99.9"),
        "below": [Decimal("99.9")],
        "credits": [Decimal(10)],
        "handover_minutes": 30,
        "replacement_minutes": 60,
        "maintenance_notice_hours": 72,
        **kwargs,
    }
    return SlaTier.objects.get_or_create(slug=fields["slug"], defaults=fields)[0]


def stage(servers=4):
    """Return a customer's scope with a key and no quota at all, a price, an image and free servers."""
    made = factories.scope()
    factories.price(floor="2.00")
    factories.ssh_key(made.project)
    factories.image()
    if servers:
        factories.servers(servers, with_bmc=False)
    return made


def wish(scope, **kwargs):
    fields = {
        "title": "Training cluster",
        "organization": scope.organization,
        "project": scope.project,
        "template": "reserved-1",
        "starts_at": tomorrow(),
        "ends_at": tomorrow() + 90 * DAY,
        **kwargs,
    }
    return ContractWish(**fields)


def line(**kwargs):
    fields = {
        "server_type": factories.server_type(),
        "region": factories.region(),
        "count": 2,
        "starts_at": tomorrow(),
        "ends_at": tomorrow() + 90 * DAY,
        **kwargs,
    }
    return LineWish(**fields)


def draft(scope, *lines, author=None, **kwargs):
    actor = (author or seller()).as_actor()
    contract = draft_contract(actor=actor, wish=wish(scope, **kwargs))
    set_lines(actor=actor, contract=contract, lines=lines or [line()])
    return contract


def author_of(contract):
    return contract.author.as_actor()


def quoted(scope, *lines, **kwargs):
    contract = draft(scope, *lines, **kwargs)
    return quote_contract(actor=author_of(contract), contract=contract)


def approve(contract, by=None, is_yes=True):
    """Decide on everything that a contract waits for, as an administrator who did not write it."""
    person = by or seller(is_superuser=True)
    for approval in Approval.objects.filter(subject=contract.public_id, state=ApprovalState.PENDING):
        decide(actor=person.as_actor(), approval=approval, approve=is_yes, comment="fine" if is_yes else "too cheap")
    contract.refresh_from_db()
    return contract


def sent(scope, *lines, **kwargs):
    contract = approve(quoted(scope, *lines, **kwargs))
    send_contract(actor=author_of(contract), contract=contract)
    contract.refresh_from_db()
    return contract


def sign(scope, contract, **kwargs):
    digest = contract.documents.get(kind=Document.Kind.SENT).sha256
    said = {"name": "Ana Ruiz", "title": "CTO", "agreed": True, "sha256": digest, "ip": "203.0.113.7", **kwargs}
    return countersign(scope=scope, actor=scope.actor, contract=contract, **said)


def signed(scope, *lines, **kwargs):
    return sign(scope, sent(scope, *lines, **kwargs))


def active(scope, *lines, **kwargs):
    contract = signed(scope, *lines, **kwargs)
    activate_contract(actor=author_of(contract), contract=contract)
    contract.refresh_from_db()
    return contract


def wrong(refusal):
    """Return the fields and codes of a refusal."""
    return {(error.field, error.code) for error in refusal.value.errors}
