"""The customer's signature: with a tick in the portal, or on a document that sales uploads."""

from datetime import datetime, timedelta

from django.db import transaction

from portal.audit.transitions import advance
from portal.contracts.heads import refuse_any
from portal.contracts.models import Contract, Document, Signature
from portal.contracts.models.documents import MOST_BYTES
from portal.contracts.services.drafting import person_behind
from portal.contracts.services.holding import prolong_holds
from portal.contracts.services.quoting import require_valid
from portal.contracts.services.sending import store
from portal.contracts.states import SHOWN, ContractState
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import FieldError, Forbidden, InvalidInput, NotFound
from portal.core.locks import lock_row
from portal.core.repeating import repeatable
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope

TIME_TO_ACTIVATE = timedelta(days=14)
"""For how long capacity is kept for a customer that has signed."""
LONGEST_NAME = 120


@repeatable
@transaction.atomic
def countersign(
    *, scope: Scope, actor: Actor, contract: Contract, name: str, title: str, agreed: bool, sha256: str, ip: str
) -> Contract:
    """Sign a contract as the customer, who has ticked that the document with this digest is agreed to.

    Raises NotFound for another project's, Forbidden for who may not commit the organization, InvalidInput with every
    wrong field, StateConflict for one that is signed, lost or has run out.
    """
    if contract.project_id != scope.project.pk or contract.state not in SHOWN:
        raise NotFound("This project has no such contract.")
    scope.require(Verb.APPROVE)
    person = person_behind(actor)
    if person is None:
        raise Forbidden("A person signs, not a token: do it in the portal.")
    errors = _about_signer(name, title)
    if not agreed:
        errors.append(FieldError("agreed", "required", "Tick that you agree to the document."))
    refuse_any(errors)
    fresh = lock_row(Contract, contract.pk)
    _move(actor, fresh)
    sent = fresh.documents.get(kind=Document.Kind.SENT)
    if sha256 != sent.sha256:
        text = "The document is another one than you have read; read it again."
        raise InvalidInput.of("sha256", "other_document", text)
    Signature.objects.create(
        contract=fresh, name=name.strip(), title=title.strip(), ip=ip, user=person, sent_sha256=sent.sha256
    )
    return fresh


@repeatable
@transaction.atomic
def countersign_on_paper(
    *, actor: Actor, contract: Contract, name: str, title: str, signed_at: datetime, content: bytes
) -> Contract:
    """Take in a document that the customer signed. The caller has made sure that the actor is staff that may.

    Raises InvalidInput with every wrong field, StateConflict for one that is signed, lost or has run out.
    """
    errors = _about_signer(name, title)
    if signed_at > clock.now():
        errors.append(FieldError("signed_at", "in_the_future", "Give the day on which it was signed."))
    if not content.startswith(b"%PDF-") or len(content) > MOST_BYTES:
        errors.append(FieldError("content", "no_pdf", f"Choose a PDF of at most {MOST_BYTES // 1024**2} MiB."))
    refuse_any(errors)
    fresh = lock_row(Contract, contract.pk)
    _move(actor, fresh)
    sent = fresh.documents.get(kind=Document.Kind.SENT)
    document = store(fresh, Document.Kind.SIGNED, f"{fresh.number}-v{fresh.version}-signed.pdf", content)
    Signature.objects.create(
        contract=fresh,
        name=name.strip(),
        title=title.strip(),
        signed_at=signed_at,
        document=document,
        sent_sha256=sent.sha256,
    )
    return fresh


def _about_signer(name: str, title: str) -> list[FieldError]:
    said = {"name": (name, "Give the name of who signs."), "title": (title, "Say what who signs is in the company.")}
    return [
        FieldError(field, "length", f"{text} It has at most {LONGEST_NAME} characters.")
        for field, (value, text) in said.items()
        if not 1 <= len(value.strip()) <= LONGEST_NAME
    ]


def _move(actor: Actor, contract: Contract) -> None:
    require_valid(contract)
    scope = contract.organization.public_id
    until = clock.now() + TIME_TO_ACTIVATE
    # It stays signed after that, but its servers are not held any more: the first page of the staff counts it.
    advance(contract, ContractState.COUNTERSIGNED, actor=actor, scope=scope, state_deadline_at=until)
    prolong_holds(actor=actor, contract=contract, until=until)
