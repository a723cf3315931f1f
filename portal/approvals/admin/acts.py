"""Deciding, and taking back what one asked for."""

from collections.abc import Sequence

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from portal.approvals.admin.queue import TAKES_BACK
from portal.approvals.admin.shown import size_of, title_of
from portal.approvals.models import TEXT_LENGTH, Approval
from portal.approvals.services import decide, withdraw_own
from portal.approvals.states import ApprovalState
from portal.audit.staff.acts import Act, Values, act_on, in_state, warn_before_acts_on
from portal.audit.staff.forms import ActForm
from portal.core.actors import Actor

DECIDE = "approvals.change_approval"


class ApproveForm(ActForm):
    """A comment, if there is one to make."""

    comment = forms.CharField(
        max_length=TEXT_LENGTH,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Who asked reads it; the record keeps it with your name.",
    )


class RejectForm(ApproveForm):
    """A comment that says why not."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Ask for it."""
        super().__init__(*args, **kwargs)
        self.fields["comment"].required = True


def _approve(actor: Actor, row: Approval, values: Values) -> None:
    decide(actor=actor, approval=row, approve=True, comment=values["comment"])


def _reject(actor: Actor, row: Approval, values: Values) -> None:
    decide(actor=actor, approval=row, approve=False, comment=values["comment"])


def _withdraw(actor: Actor, row: Approval, _values: Values) -> None:
    withdraw_own(actor=actor, approval=row)


def _asked(row: Approval) -> Sequence[str]:
    size = f", {size_of(row)}" if size_of(row) else ""
    customer = f" for {row.organization}" if row.organization else ""
    return [f"{title_of(row)}{customer}{size}.", f"{row.requester_label} asked: {row.reason}"]


warn_before_acts_on(Approval, _asked)
act_on(
    Approval,
    Act(
        name="approve",
        title="Approve",
        permission=DECIDE,
        perform=_approve,
        form=ApproveForm,
        fits=in_state(ApprovalState.PENDING),
        effects=("What was asked for is done at once, in your name. Where it is refused, nothing is decided.",),
        done="{row} is approved and done.",
        icon="check",
    ),
    Act(
        name="reject",
        title="Reject",
        permission=DECIDE,
        perform=_reject,
        form=RejectForm,
        fits=in_state(ApprovalState.PENDING),
        effects=("Nothing is done. Whoever asked may ask anew.",),
        done="{row} is rejected.",
        icon="close",
    ),
    Act(
        name=TAKES_BACK,
        title="Withdraw",
        permission="approvals.view_approval",
        perform=_withdraw,
        form=ActForm,
        fits=in_state(ApprovalState.PENDING),
        effects=("Nothing is done, and nobody needs to decide.",),
        done="{row} is withdrawn.",
        icon="undo",
    ),
)
