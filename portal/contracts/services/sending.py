"""Sending an offer: from then on it is a document that does not change."""

from functools import partial
from hashlib import sha256

from django.db import transaction

from portal.audit.transitions import advance
from portal.contracts.contract_pdf import pdf_of
from portal.contracts.models import Contract, Document
from portal.contracts.paperwork import facts_of
from portal.contracts.services.quoting import require_valid
from portal.contracts.services.telling import tell_of
from portal.contracts.states import ContractState
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import StateConflict
from portal.core.locks import lock_row
from portal.core.mail import mail_people
from portal.core.repeating import repeatable
from portal.tenancy.selectors import notification_addresses


def store(contract: Contract, kind: Document.Kind, name: str, content: bytes) -> Document:
    """Keep a file of a contract with the digest of its bytes."""
    digest = sha256(content).hexdigest()
    return Document.objects.create(contract=contract, kind=kind, name=name, sha256=digest, content=content)


@repeatable
@transaction.atomic
def send_contract(*, actor: Actor, contract: Contract) -> Document:
    """Send an offer that everybody who must has agreed to, and keep the document; the customer's people get a mail.

    Raises StateConflict for one that waits for somebody, has run out, or is past that.
    """
    fresh = lock_row(Contract, contract.pk)
    require_valid(fresh)
    waiting = fresh.approvals.filter(is_void=False, decided_at=None)
    if fresh.state == ContractState.QUOTED and waiting.exists():
        roles = ", ".join(str(row.get_role_display()).replace("_", " ") for row in waiting)
        raise StateConflict(f"{fresh} waits for the approval of: {roles}.", extra={"state": fresh.state})
    now = clock.now()
    advance(
        fresh,
        ContractState.SENT,
        actor=actor,
        scope=fresh.organization.public_id,
        sent_at=now,
        state_deadline_at=fresh.valid_until,
    )
    document = store(fresh, Document.Kind.SENT, f"{fresh.number}-v{fresh.version}.pdf", pdf_of(facts_of(fresh)))
    tell_of(actor, fresh, "contract.sent")
    transaction.on_commit(partial(_mail, fresh))
    return document


def _mail(contract: Contract) -> None:
    """Tell the customer's people that there is something to sign."""
    until = f" until {clock.as_rfc3339(contract.valid_until)}" if contract.valid_until else ""
    subject = f"Contract {contract.number} is ready to be signed"
    write_to_people(contract, subject, f"{contract.title}: read it and sign it{until}.")


def write_to_people(contract: Contract, subject: str, text: str) -> None:
    """Send the customer's people a mail, with the address of the contract's page below the text."""
    addresses = notification_addresses(contract.project)
    mail_people(subject, text, addresses, page=f"/contracts/{contract.public_id}", otherwise=f"{contract}: {subject}")
