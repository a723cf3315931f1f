"""Contracts that are renewed unless somebody gives notice: when the time for that is over, the next term is agreed."""

import logging
from functools import partial

from django.db import transaction

from portal.audit.transitions import advance
from portal.contracts.arithmetic import months_later
from portal.contracts.contract_pdf import pdf_of
from portal.contracts.models import Contract, Document
from portal.contracts.needs import lines_of
from portal.contracts.paperwork import facts_of
from portal.contracts.services.activating import activate_contract
from portal.contracts.services.amending import renew_contract
from portal.contracts.services.holding import hold_lines
from portal.contracts.services.sending import store, write_to_people
from portal.contracts.states import ContractState
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import DomainError, StateConflict

log = logging.getLogger(__name__)


def renew_by_itself(*, contract: Contract) -> Contract | None:
    """Put the next term of a contract into force, in the words and at the prices of this one; nobody signs anew.

    All of it or nothing: None where there is no room, or nothing is sold there any more. Then the first page of the
    staff counts it, and it is tried again until the term is over. Call it with the contract locked.
    """
    try:
        return _next_term(contract)
    except DomainError as error:
        log.warning("%s is to be renewed by itself and is not: %s", contract, error.detail)
        return None


@transaction.atomic
def _next_term(before: Contract) -> Contract:
    end = months_later(before.span.end, before.renewal_months)
    made = renew_contract(actor=SYSTEM, contract=before, ends_at=end)
    if not lines_of(made):
        raise StateConflict(f"No line of {before} lasts until its end: there is nothing to go on.")
    scope, why, now = made.organization.public_id, f"{before} is renewed by itself", clock.now()
    hold_lines(actor=SYSTEM, contract=made, lines=lines_of(made), until=end)
    advance(made, ContractState.QUOTED, actor=SYSTEM, scope=scope, reason=why, valid_until=end, state_deadline_at=end)
    # Who must agree did, to the contract that says so.
    advance(made, ContractState.SENT, actor=SYSTEM, scope=scope, reason=why, sent_at=now, state_deadline_at=end)
    store(made, Document.Kind.SENT, f"{made.number}-v{made.version}.pdf", pdf_of(facts_of(made)))
    advance(made, ContractState.COUNTERSIGNED, actor=SYSTEM, scope=scope, reason=why)
    renewed = activate_contract(actor=SYSTEM, contract=made).contract
    transaction.on_commit(partial(_mail, before, renewed))
    return renewed


def _mail(before: Contract, renewed: Contract) -> None:
    """Tell the customer's people that their contract goes on."""
    until = clock.as_rfc3339(renewed.span.end)
    text = f"{before.title}: nobody gave notice, so it goes on as {renewed.number} until {until}."
    write_to_people(renewed, f"Contract {before.number} is renewed", text)
