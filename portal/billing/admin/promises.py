"""What finance does with credits for missed promises."""

from portal.audit.staff.acts import Act, Values, act_on, in_state
from portal.audit.staff.forms import TenantReasonForm
from portal.core.actors import Actor
from portal.sla.models import SlaCredit
from portal.sla.services.credits import void_credit
from portal.sla.states import CreditState


class VoidForm(TenantReasonForm):
    """Why nothing is owed."""

    read_on = "the page of promises"


def _void(actor: Actor, row: SlaCredit, values: Values) -> None:
    void_credit(actor=actor, credit=row, reason=values["reason"])


act_on(
    SlaCredit,
    Act(
        name="void",
        title="Make void",
        permission="billing.change_creditgrant",
        perform=_void,
        form=VoidForm,
        fits=in_state(CreditState.DUE),
        effects=(
            "It goes on no invoice. The customer, who was told of it, reads that it is void, and your reason.",
            "What is on an invoice already is not taken back by this.",
        ),
        done="{row} is void.",
        icon="block",
        is_grave=True,
    ),
)
