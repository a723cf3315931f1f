"""Contracts of the demo that sales is at work on, each brought to its state by the services, with sales' own people.

All begin weeks from now, in pools in Iowa of which enough is left; what they hold is held as for any other offer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from portal.approvals.models import Approval
from portal.approvals.services import decide
from portal.approvals.states import ApprovalState
from portal.catalog.models import SlaTier
from portal.contracts.models import Contract, Document
from portal.contracts.rules import Approver
from portal.contracts.services.activating import activate_contract
from portal.contracts.services.amending import amend_contract
from portal.contracts.services.asking import KINDS
from portal.contracts.services.drafting import draft_contract, set_lines
from portal.contracts.services.quoting import lose_contract, quote_contract
from portal.contracts.services.sending import send_contract
from portal.contracts.services.signing import countersign
from portal.contracts.wishes import ContractWish, LineWish
from portal.fleet.models import Region, ServerType
from portal.launcher.demo.business.cast import DAY, Cast, today
from portal.tenancy.models import SSHKey, User
from portal.tenancy.scope import Scope
from portal.tenancy.services import add_ssh_key, remove_ssh_key

IOWA = "us-central-1"


@dataclass(frozen=True)
class Part:
    """A line: so many servers of a type, from and to days after today."""

    server_type: str
    count: int
    first: int
    last: int
    tier: str = "standard"
    discount: str = "0"
    reason: str = ""
    """Why it is sold below the floor."""

    def wish(self) -> LineWish:
        """Return the line as sales writes it."""
        return LineWish(
            ServerType.objects.get(slug=self.server_type),
            Region.objects.get(code=IOWA),
            self.count,
            today() + self.first * DAY,
            today() + self.last * DAY,
            discount=Decimal(self.discount),
            sla_tier=SlaTier.objects.get(slug=self.tier),
            below_floor_reason=self.reason,
        )


def seed_offers(cast: Cast) -> None:
    """Make a contract in each state that does not lie in the past; the first that is active is its second version."""
    _agree_on_two_versions(cast)
    _offer_to_lumen(cast)
    _offers_to_halden(cast)
    _draft(
        cast,
        cast.lumen,
        "Foundation model, third cluster",
        Part("b200-8x", 2, 45, 410, "assured", "10"),
        Part("b200-8x", 2, 106, 410, "assured", "10"),
        Part("h200-8x", 4, 60, 410, "standard", "5"),
        template="committed-1",
        minimum_spend=Decimal(500_000),
        po_number="LR-20611",
    )


def _agree_on_two_versions(cast: Cast) -> None:
    """Put a contract into force, and its second version with a line more: the first is then ended by it."""
    parts = [Part("b200-8x", 2, 28, 393, "assured"), Part("a100-8x", 2, 28, 211)]
    first = _signed(cast, cast.lumen, "Foundation model on B200", *parts, po_number="LR-20533")
    _activate(cast, cast.lumen, first)
    second = amend_contract(actor=cast.sales, contract=first)
    lines = [LineWish.of(line, origin=line) for line in first.lines.order_by("position")]
    more = Part("b200-8x", 2, 89, 393, "assured").wish()
    set_lines(actor=cast.sales, contract=second, lines=[*lines, more])
    _activate(cast, cast.lumen, _sign(cast, cast.lumen, second))


def _offer_to_lumen(cast: Cast) -> None:
    """Send an offer that the demo's customer can sign."""
    sent = _draft(cast, cast.lumen, "Inference in Iowa", Part("h200-8x", 2, 35, 219))
    _send(cast, sent)


def _offers_to_halden(cast: Cast) -> None:
    """Make offers to the second customer: one waits for two approvals, one has them, one is signed, one is lost."""
    title = "Protein folding, spring campaign"
    part = Part("a100-8x", 4, 40, 224, discount="12", reason="A university hospital offers them its idle cluster.")
    cheap = _draft(cast, cast.halden, title, part, payment_days=60)
    quote_contract(actor=cast.sales, contract=cheap)
    approved = _draft(cast, cast.halden, "Screening cluster", Part("a100-8x", 3, 30, 122), payment_days=45)
    quote_contract(actor=cast.sales, contract=approved)
    _agree(cast, approved)
    clauses = {"data_locations": "United States: Iowa", "subcontractors": "none"}
    add_ssh_key(scope=cast.halden, actor=cast.halden.actor, public_key=_public_key("rita@halden-bio"))
    _signed(
        cast,
        cast.halden,
        "Sequencing archive",
        Part("a100-8x", 2, 21, 203),
        template="regulated-1",
        clauses=clauses,
    )
    lost = _draft(cast, cast.halden, "Pilot on H200", Part("h200-8x", 1, 14, 75))
    quote_contract(actor=cast.sales, contract=lost)
    lose_contract(actor=cast.sales, contract=lost, reason="They stay with what they have for another year.")


def _draft(cast: Cast, buyer: Scope, title: str, *parts: Part, **head: Any) -> Contract:
    lines: Sequence[LineWish] = [part.wish() for part in parts]
    wish = ContractWish(
        title=title,
        organization=buyer.organization,
        project=buyer.project,
        starts_at=min(line.starts_at for line in lines),
        ends_at=max(line.ends_at for line in lines),
        **{"template": "reserved-1", **head},
    )
    contract = draft_contract(actor=cast.sales, wish=wish)
    set_lines(actor=cast.sales, contract=contract, lines=lines)
    return contract


def _agree(cast: Cast, contract: Contract) -> None:
    """Let everybody who must agree do so."""
    for approval in Approval.objects.filter(subject=contract.public_id, state=ApprovalState.PENDING):
        decider = cast.finance if approval.kind == KINDS[Approver.FINANCE] else cast.lead
        decide(actor=decider, approval=approval, approve=True, comment="Fine.")
    contract.refresh_from_db()


def _send(cast: Cast, contract: Contract) -> Document:
    quote_contract(actor=cast.sales, contract=contract)
    _agree(cast, contract)
    return send_contract(actor=cast.sales, contract=contract)


def _sign(cast: Cast, buyer: Scope, contract: Contract) -> Contract:
    paper = _send(cast, contract)
    contract.refresh_from_db()
    return countersign(
        scope=buyer,
        actor=buyer.actor,
        contract=contract,
        name=User.objects.get(public_id=buyer.actor.id).name,
        title="Founder",
        agreed=True,
        sha256=paper.sha256,
        ip="203.0.113.20",
    )


def _signed(cast: Cast, buyer: Scope, title: str, *parts: Part, **head: Any) -> Contract:
    return _sign(cast, buyer, _draft(cast, buyer, title, *parts, **head))


def _activate(cast: Cast, buyer: Scope, contract: Contract) -> None:
    """Activate it with a key that is forgotten at once: the first one that stays is pasted by who tries the demo."""
    key: SSHKey = add_ssh_key(scope=buyer, actor=buyer.actor, public_key=_public_key("tomas@lumen-robotics"))
    activate_contract(actor=cast.sales, contract=contract)
    contract.refresh_from_db()
    remove_ssh_key(scope=buyer, actor=buyer.actor, key=key)


def _public_key(comment: str) -> str:
    """Return a public key whose other half is nobody's."""
    key = Ed25519PrivateKey.generate().public_key()
    return f"{key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()} {comment}"
