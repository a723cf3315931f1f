"""What staff may do with price books."""

from portal.audit.staff.acts import Act, On, Values, act_on, in_state, warn_before_acts_on
from portal.audit.staff.forms import ActForm
from portal.catalog.admin.price_forms import DraftForm, EndBookForm, NewBookForm, PublishForm, draft_values
from portal.catalog.admin.price_lines import PRICES_HELP
from portal.catalog.models import PriceBook
from portal.catalog.services.books import copy_price_book, discard_price_book, draft_price_book, edit_price_book
from portal.catalog.services.publishing import end_price_book, publish_price_book, withdraw_price_book
from portal.catalog.states import BookState
from portal.core import clock
from portal.core.actors import Actor

IS_DRAFT = in_state(BookState.DRAFT)
ADD, CHANGE = "catalog.add_pricebook", "catalog.change_pricebook"


def _create(actor: Actor, _row: PriceBook | None, values: Values) -> PriceBook:
    fields = ("name", "currency", "contents", "valid_from", "valid_until")
    return draft_price_book(actor=actor, **{name: values[name] for name in fields})


def _edit(actor: Actor, row: PriceBook, values: Values) -> None:
    fields = ("name", "contents", "valid_from", "valid_until")
    edit_price_book(actor=actor, book=row, **{name: values[name] for name in fields})


def _may_end(book: PriceBook) -> bool:
    upper = book.valid.upper
    return book.state == BookState.PUBLISHED and (upper is None or upper > clock.now())


def _is_ahead(book: PriceBook) -> bool:
    return book.state == BookState.PUBLISHED and book.valid.lower > clock.now()


def _warnings(book: PriceBook) -> list[str]:
    before = book.copied_from
    if book.state != BookState.DRAFT or before is None or not _may_end(before):
        return []
    return [f"When it is published, {before} ends at its beginning."]


CONTENTS = (
    "A draft sells nothing until it is published; then it cannot be edited any more, only copied to a new version.",
    PRICES_HELP,
)
warn_before_acts_on(PriceBook, _warnings)
act_on(
    PriceBook,
    Act(
        name="new",
        title="New price book",
        permission=ADD,
        on=On.LIST,
        perform=_create,
        form=NewBookForm,
        effects=CONTENTS,
        done="{row} is a draft.",
        icon="add",
    ),
    Act(
        name="edit",
        title="Edit",
        permission=CHANGE,
        perform=_edit,
        form=DraftForm,
        initial=draft_values,
        fits=IS_DRAFT,
        effects=(*CONTENTS, "Less notice must not cost less."),
        done="{row} is changed.",
        icon="edit",
    ),
    Act(
        name="publish",
        title="Publish",
        permission=CHANGE,
        perform=lambda actor, row, values: publish_price_book(actor=actor, book=row, valid_from=values["valid_from"]),
        form=PublishForm,
        fits=IS_DRAFT,
        effects=(
            "New reservations in the currency get these prices from then on. What is reserved keeps its price.",
            "Books of one currency never overlap: the one that this was copied from ends where this begins.",
            "What was published cannot be edited.",
        ),
        done="{row} is published.",
        icon="publish",
    ),
    Act(
        name="copy",
        title="Copy to new version",
        permission=ADD,
        perform=lambda actor, row, values: copy_price_book(actor=actor, book=row),
        form=ActForm,
        fits=lambda book: book.state != BookState.DRAFT,
        effects=(
            "The new version is a draft with the same prices, fees and terms: edit it, then publish it.",
            "When it is published, this book ends at its beginning. What is past stays.",
        ),
        done="{row} has a new version.",
        icon="content_copy",
    ),
    Act(
        name="end",
        title="End",
        permission=CHANGE,
        perform=lambda actor, row, values: end_price_book(actor=actor, book=row, at=values["at"]),
        form=EndBookForm,
        fits=_may_end,
        effects=(
            "From then on nothing is sold in this currency until another book holds.",
            "What is reserved keeps its price.",
        ),
        done="{row} has an end.",
        icon="event_busy",
        is_grave=True,
    ),
    Act(
        name="withdraw",
        title="Withdraw",
        permission=CHANGE,
        perform=lambda actor, row, values: withdraw_price_book(actor=actor, book=row, reason=values["reason"]),
        fits=_is_ahead,
        effects=("It never begins. The book that it was to follow keeps the end that it was given.",),
        done="{row} is withdrawn.",
        icon="undo",
        is_grave=True,
    ),
    Act(
        name="discard",
        title="Discard",
        permission=CHANGE,
        perform=lambda actor, row, values: discard_price_book(actor=actor, book=row, reason=values["reason"]),
        fits=IS_DRAFT,
        effects=("The draft is given up; the record keeps it.",),
        done="{row} is discarded.",
        icon="delete",
        is_grave=True,
    ),
)
