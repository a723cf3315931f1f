"""Rows of what sales agreed."""

from portal.contracts.models.clauses import Clauses, Renewal
from portal.contracts.models.contract import Contract, Series
from portal.contracts.models.decisions import ContractApproval
from portal.contracts.models.documents import Document, Signature
from portal.contracts.models.fulfilment import Commitment, ContractReservation
from portal.contracts.models.lines import ContractHold, ContractLine

__all__ = [
    "Clauses",
    "Commitment",
    "Contract",
    "ContractApproval",
    "ContractHold",
    "ContractLine",
    "ContractReservation",
    "Document",
    "Renewal",
    "Series",
    "Signature",
]
