"""The life of an invoice."""

from enum import StrEnum

from portal.core.states import Nature, State, StateTable


class InvoiceState(StrEnum):
    """Names of the states of an invoice."""

    DRAFT = "draft"
    ISSUED = "issued"
    PAID = "paid"
    VOID = "void"


I = InvoiceState  # noqa: E741 - the table reads best with one letter

INVOICE = StateTable.of(
    "invoice",
    [I.DRAFT],
    State(I.DRAFT, "Its lines stand; finance looks at it before it has a number.", Nature.REST, (I.ISSUED, I.VOID)),
    State(I.ISSUED, "It has a number and is owed; nothing on it changes any more.", Nature.REST, (I.PAID, I.VOID)),
    State(I.PAID, "All of it is paid; it is owed again where a payment is undone.", Nature.REST, (I.ISSUED,)),
    State(I.VOID, "Taken back: it counts for nothing, and its number is never given again.", Nature.FINAL),
)

STANDING = (I.DRAFT, I.ISSUED, I.PAID)
"""States in which what an invoice charges is charged: it is on no other one."""

SHOWN = (I.ISSUED, I.PAID, I.VOID)
"""States in which a customer sees an invoice, if it has a number."""
