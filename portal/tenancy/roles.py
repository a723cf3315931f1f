"""Who may do what: the one table from role to verbs."""

from enum import StrEnum


class Role(StrEnum):
    """Roles of a member in an organization, and of an API token in its project."""

    OWNER = "owner"
    ADMIN = "admin"
    OPERATOR = "operator"
    BILLING = "billing"
    VIEWER = "viewer"


class Verb(StrEnum):
    """What may be asked of the portal on behalf of a tenant.

    To approve is to commit beyond the approval limit. To operate is to have something done with servers that are held.
    To view billing is to see invoices and the whole organization's usage; everybody sees that of a project.
    To manage webhooks is to read what they are told, invoices included.
    """

    VIEW = "view"
    RESERVE = "reserve"
    RELEASE = "release"
    OPERATE = "operate"
    APPROVE = "approve"
    MANAGE_KEYS = "manage_keys"
    MANAGE_IMAGES = "manage_images"
    MANAGE_TOKENS = "manage_tokens"
    MANAGE_MEMBERS = "manage_members"
    VIEW_BILLING = "view_billing"
    MANAGE_BUDGETS = "manage_budgets"
    MANAGE_WEBHOOKS = "manage_webhooks"


MAY: dict[Role, frozenset[Verb]] = {
    Role.OWNER: frozenset(Verb),
    Role.ADMIN: frozenset(Verb),
    Role.OPERATOR: frozenset(
        {Verb.VIEW, Verb.RESERVE, Verb.RELEASE, Verb.OPERATE, Verb.MANAGE_KEYS, Verb.MANAGE_IMAGES}
    ),
    Role.BILLING: frozenset({Verb.VIEW, Verb.VIEW_BILLING, Verb.MANAGE_BUDGETS}),
    Role.VIEWER: frozenset({Verb.VIEW}),
}

CHOICES = [(role.value, role.value) for role in Role]
