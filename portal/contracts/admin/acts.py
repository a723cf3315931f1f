"""What staff does with contracts: each step calls one service."""

from datetime import timedelta
from typing import Any

from django import forms

from portal.approvals.models import Approval
from portal.audit.staff.acts import Act, Values, act_on, in_state
from portal.audit.staff.forms import ActForm, Moment, ReasonForm
from portal.contracts.admin.head_form import DayInput, midnight
from portal.contracts.models import Contract, Renewal
from portal.contracts.needs import needs_of
from portal.contracts.services.activating import activate_contract
from portal.contracts.services.amending import amend_contract, renew_contract
from portal.contracts.services.ending import ask_to_terminate, takes_away, terminate_contract
from portal.contracts.services.quoting import lose_contract, quote_contract, reopen_contract
from portal.contracts.services.sending import send_contract
from portal.contracts.services.signing import countersign_on_paper
from portal.contracts.states import OFFER_LASTS, ContractState
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import DomainError, FieldError, InvalidInput

MAY = "contracts.change_contract"
C = ContractState


class OfferForm(ActForm):
    """Until when an offer holds."""

    valid_until = Moment(label="Offer holds until", help_text="UTC. Servers are held until then.")


class PaperForm(ActForm):
    """A document that came back signed."""

    name = forms.CharField(label="Signed by", max_length=120)
    title = forms.CharField(label="Title of who signed", max_length=120)
    signed_at = Moment(label="Signed at", help_text="UTC")
    content = forms.FileField(label="Signed PDF")


class RenewForm(ActForm):
    """Until when a renewed contract runs."""

    ends_at = forms.DateField(label="New end", widget=DayInput, help_text="00:00 UTC, not included")


class EndForm(ReasonForm):
    """When and why a contract ends early."""

    at = Moment(label="Ends at", help_text="UTC")
    field_order = ("at", "reason")

    def __init__(self, *args: Any, row: Contract | None = None, **kwargs: Any) -> None:
        """Say what notice was agreed, and how one that renews by itself is kept from it."""
        super().__init__(*args, row=row, **kwargs)
        if row is not None:
            first = clock.now() + timedelta(days=row.notice_days)
            said = f"UTC. With the notice of {row.notice_days} days that was agreed: {first:%Y-%m-%d} or later."
            last = f" {row.span.end:%Y-%m-%d %H:%M}, the end of its term: it is not renewed by itself."
            self.fields["at"].help_text = said + (last if row.renewal == Renewal.AUTOMATIC else "")


def on_the_form(error: InvalidInput) -> DomainError:
    """Return what is wrong with a contract's rows for a page that has no fields for it."""
    said = [_sentence(item) for item in error.errors]
    return InvalidInput(" ".join(said) or error.detail)


def _sentence(error: FieldError) -> str:
    name, _, rest = error.field.partition(".")
    number = rest.partition(".")[0]
    return f"Line {int(number) + 1}: {error.detail}" if name == "lines" and number.isdecimal() else error.detail


def _offer(actor: Actor, row: Contract, values: Values) -> None:
    try:
        quote_contract(actor=actor, contract=row, valid_until=values["valid_until"])
    except InvalidInput as error:
        raise error if error.errors and error.errors[0].field == "valid_until" else on_the_form(error) from error


def _renew(actor: Actor, row: Contract, values: Values) -> Contract:
    try:
        return renew_contract(actor=actor, contract=row, ends_at=midnight(values["ends_at"]))
    except InvalidInput as error:
        raise error if error.errors and error.errors[0].field == "ends_at" else on_the_form(error) from error


def _activate(actor: Actor, row: Contract, _values: Values) -> None:
    try:
        activate_contract(actor=actor, contract=row)
    except InvalidInput as error:
        raise on_the_form(error) from error


def _sign(actor: Actor, row: Contract, values: Values) -> None:
    said = {**values, "content": values["content"].read()}
    countersign_on_paper(actor=actor, contract=row, **said)


def _may_be_sent(row: Contract) -> bool:
    return row.state == C.APPROVED or (row.state == C.QUOTED and not needs_of(row))


def _until(_row: Any) -> dict[str, Any]:
    return {"valid_until": clock.now() + OFFER_LASTS}


act_on(
    Contract,
    Act(
        name="offer",
        title="Make an offer",
        permission=MAY,
        perform=_offer,
        form=OfferForm,
        initial=_until,
        fits=in_state(C.DRAFT),
        effects=(
            "The servers of all lines are held until the offer runs out; the capacity board shows them.",
            "Who must agree, if anybody, is asked. From now on the contract is not edited unless it is reopened.",
        ),
        done="{row} is offered; its servers are held.",
        icon="request_quote",
    ),
    Act(
        name="send",
        title="Send",
        permission=MAY,
        perform=lambda actor, row, values: _send(actor, row),
        form=ActForm,
        fits=_may_be_sent,
        effects=(
            "The PDF is kept with its SHA-256, and this version is frozen.",
            "The customer's people get a mail and can sign it in the portal.",
        ),
        done="{row} is sent.",
        icon="send",
    ),
    Act(
        name="sign",
        title="Upload signed PDF",
        permission=MAY,
        perform=_sign,
        form=PaperForm,
        initial=lambda _row: {"signed_at": clock.now()},
        fits=in_state(C.SENT),
        effects=("The document is kept with its SHA-256; the contract counts as signed by the customer.",),
        done="{row} is countersigned.",
        icon="upload_file",
    ),
    Act(
        name="activate",
        title="Activate",
        permission=MAY,
        perform=_activate,
        form=ActForm,
        fits=in_state(C.COUNTERSIGNED),
        effects=(
            "Reservations, quotas and the commitment are made, all or none; what was made is listed on this page.",
            "After that the contract is not edited: it is amended, renewed or ended.",
        ),
        done="{row} is active.",
        icon="rocket_launch",
    ),
    Act(
        name="amend",
        title="Amend",
        permission=MAY,
        perform=lambda actor, row, values: amend_contract(actor=actor, contract=row),
        form=ActForm,
        fits=in_state(C.ACTIVE),
        effects=("The next version begins as a draft with the same lines; this one stays in force until then.",),
        done="{row} has a next version.",
        icon="difference",
    ),
    Act(
        name="renew",
        title="Renew",
        permission=MAY,
        perform=_renew,
        form=RenewForm,
        fits=in_state(C.ACTIVE, C.EXPIRED),
        effects=("A contract for the time after this one begins as a draft, with the lines of its last day.",),
        done="{row} has a renewal.",
        icon="autorenew",
    ),
    Act(
        name="reopen",
        title="Reopen",
        permission=MAY,
        perform=lambda actor, row, values: _reopen(actor, row, values),
        fits=in_state(C.QUOTED, C.APPROVED),
        effects=("It becomes a draft again. Its servers are free for others, and who agreed has to agree anew.",),
        done="{row} is a draft again.",
        icon="undo",
    ),
    Act(
        name="lose",
        title="Lost",
        permission=MAY,
        perform=lambda actor, row, values: _lose(actor, row, values),
        fits=in_state(C.DRAFT, C.QUOTED, C.APPROVED, C.SENT, C.COUNTERSIGNED),
        effects=("Nothing came of it: what is held for it is free for others, and its number is not used again.",),
        done="{row} is lost.",
        icon="thumb_down",
        is_grave=True,
    ),
    Act(
        name="terminate",
        title="Terminate",
        permission=MAY,
        perform=lambda actor, row, values: _terminate(actor, row, values),
        form=EndForm,
        initial=lambda _row: {"at": clock.now()},
        fits=in_state(C.ACTIVE),
        effects=(
            "What it had reserved ends with it; what is owed for what is not used is what the contract says.",
            "At a later instant it stays in force until then. Reservations are told their new end at once.",
            "Where servers of it are in use, all goes on until somebody else of the staff agrees in the queue.",
        ),
        done=lambda asked: "It goes on until somebody else of the staff agrees." if asked else "It ends early.",
        icon="event_busy",
        is_grave=True,
    ),
)


def _send(actor: Actor, row: Contract) -> None:
    send_contract(actor=actor, contract=row)


def _reopen(actor: Actor, row: Contract, values: Values) -> None:
    reopen_contract(actor=actor, contract=row, reason=values["reason"])


def _lose(actor: Actor, row: Contract, values: Values) -> None:
    lose_contract(actor=actor, contract=row, reason=values["reason"])


def _terminate(actor: Actor, row: Contract, values: Values) -> Approval | None:
    said = {"at": values["at"], "reason": values["reason"]}
    if takes_away(row, values["at"]):
        return ask_to_terminate(actor=actor, contract=row, **said)
    terminate_contract(actor=actor, contract=row, **said)
    return None
