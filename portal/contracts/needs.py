"""What a contract comes to, and who must agree to it."""

from portal.contracts.arithmetic import Totals, totals, whole_months
from portal.contracts.models import Contract, ContractLine
from portal.contracts.rules import Facts, Need, needed


def lines_of(contract: Contract) -> list[ContractLine]:
    """Return the lines in order, with what their money and capacity hang on."""
    lines = contract.lines.select_related("server_type", "region", "sla_tier", "origin").order_by("position")
    for line in (found := list(lines)):
        line.contract = contract
    return found


def totals_of(contract: Contract, lines: list[ContractLine] | None = None) -> Totals:
    """Return what the contract comes to."""
    known = lines_of(contract) if lines is None else lines
    return totals([line.money for line in known], contract.span, contract.currency)


def needs_of(contract: Contract, lines: list[ContractLine] | None = None) -> list[Need]:
    """Return who must agree, and why."""
    known = lines_of(contract) if lines is None else lines
    return needed(
        Facts(
            tuple(line.money for line in known),
            totals_of(contract, known),
            whole_months(contract.span),
            contract.payment_days,
            max((line.overflow for line in known), default=0),
        )
    )
