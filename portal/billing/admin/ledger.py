"""The ledger, to be read."""

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from portal.audit.staff import columns, filters
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.billing.models import Account, AccountKind, Entry, Leg
from portal.billing.selectors.ledger import balance

ACCOUNT = (
    columns.column("Kind", lambda row: row.get_kind_display(), "kind"),
    columns.link("organization", "Organization", "organization__name"),
    columns.field("currency", "Currency"),
)
ENTRY = (
    columns.moment("at", "When"),
    columns.field("label", "What"),
    columns.field("words", "In words"),
    columns.target("reference", "For"),
    columns.field("actor_label", "By"),
)
LEG = (
    columns.link("entry", "Entry"),
    columns.link("account", "Account"),
    columns.column("Debit", lambda row: row.amount if row.amount > 0 else None),
    columns.column("Credit", lambda row: -row.amount if row.amount < 0 else None),
)
KindFilter = filters.choice("kind", "kind", lambda: list(AccountKind.choices))


@admin.register(Account)
class AccountAdmin(RecordAdmin):
    """Money of one kind, of a customer or our own."""

    list_display = (columns.field("public_id", "Id"), *ACCOUNT)
    list_filter = (KindFilter, ("organization", AutocompleteSelectFilter))
    list_select_related = ("organization",)
    search_fields = ("public_id", "organization__name")
    search_help_text = "Id or organization"
    ordering = ("pk",)
    facts = (
        (
            "",
            (
                *ACCOUNT,
                columns.column("Balance", lambda row: balance(row.kind, row.currency, row.organization)),
                columns.code("public_id", "Id"),
            ),
        ),
    )


@admin.register(Entry)
class EntryAdmin(RecordAdmin):
    """One movement of money. Its legs sum to 0, and nothing of it ever changes."""

    list_display = (columns.field("public_id", "Id"), *ENTRY)
    search_fields = ("public_id", "reference", "label", "words")
    search_help_text = "Id, what it is for, or words"
    date_hierarchy = "at"
    ordering = ("-pk",)
    facts = (("", (*ENTRY, columns.code("public_id", "Id"))),)


OF_LEG = ("entry", "account__organization")
show_on(Entry, Panel("Legs", Leg, lambda entry: entry.legs.select_related(*OF_LEG), LEG[1:]))
show_on(Account, Panel("Legs", Leg, lambda account: account.legs.select_related(*OF_LEG).order_by("-pk"), LEG))
