"""The provider's own people: the one table from staff role to permissions, and what may be done to accounts."""

from collections.abc import Iterator
from enum import StrEnum

from django.contrib.auth.models import Group, Permission
from django.db import transaction

from portal.audit.services import record
from portal.core.actors import Actor
from portal.core.errors import StateConflict
from portal.core.locks import lock_row
from portal.core.passwords import random_password
from portal.tenancy.models import User


class StaffRole(StrEnum):
    """Roles of the provider's people. An administrator (superuser) may do everything and needs none."""

    SALES = "Sales"
    SALES_LEAD = "Sales lead"
    FINANCE = "Finance"
    OPERATIONS = "Operations"
    SUPPORT = "Support"


_SELLING = (
    "approvals",
    "audit",
    "billing",
    "catalog",
    "contracts",
    "fleet",
    "operations",
    "quotas",
    "reservations",
    "sla",
    "tenancy",
    "webhooks",
)

SEES: dict[StaffRole, tuple[str, ...]] = {
    StaffRole.SALES: _SELLING,
    StaffRole.SALES_LEAD: _SELLING,
    StaffRole.FINANCE: (
        "approvals",
        "audit",
        "billing",
        "catalog",
        "contracts",
        "quotas",
        "reservations",
        "sla",
        "tenancy.organization",
        "tenancy.project",
    ),
    StaffRole.OPERATIONS: (
        "approvals",
        "audit",
        "catalog.osimage",
        "catalog.imageimport",
        "fleet",
        "operations",
        "reservations",
        "sla",
        "tenancy.organization",
        "tenancy.project",
    ),
    StaffRole.SUPPORT: (
        "audit",
        "billing",
        "catalog",
        "contracts",
        "fleet",
        "operations",
        "quotas",
        "reservations",
        "sla",
        "tenancy",
        "webhooks",
    ),
}
"""Which apps, or single models of them, a role may look at. Operations sees no price books, contracts or invoices."""

_CONSOLES = ("reservations.consolechunk",)
HIDDEN: dict[StaffRole, tuple[str, ...]] = {
    StaffRole.SALES: _CONSOLES,
    StaffRole.SALES_LEAD: _CONSOLES,
    StaffRole.FINANCE: _CONSOLES,
    StaffRole.OPERATIONS: (),
    StaffRole.SUPPORT: _CONSOLES,
}
"""Models that a role may not look at although it may at their app: what customers' servers write is for operations."""

_SELLS = (
    "approvals.change_approval",
    "billing.ask_credit",
    "contracts.add_contract",
    "contracts.change_contract",
    "quotas.change_quota",
    "quotas.decide_quota_increase",
    "reservations.change_quote",
    "reservations.change_reservation",
    "reservations.change_waitlistentry",
    "tenancy.add_apitoken",
    "tenancy.add_membership",
    "tenancy.add_organization",
    "tenancy.add_project",
    "tenancy.change_apitoken",
    "tenancy.change_membership",
    "tenancy.change_organization",
    "tenancy.change_user",
    "tenancy.delete_membership",
)

ACTS: dict[StaffRole, tuple[str, ...]] = {
    StaffRole.SALES: _SELLS,
    StaffRole.SALES_LEAD: (
        *_SELLS,
        "contracts.decide_contract_end",
        "contracts.decide_contract_terms",
        "reservations.decide_forced_release",
    ),
    StaffRole.FINANCE: ("approvals.change_approval", "billing", "contracts.decide_contract_payment"),
    StaffRole.OPERATIONS: (
        "approvals.change_approval",
        "catalog.change_osimage",
        "fleet.change_fabric",
        "fleet.change_server",
        "fleet.change_servertype",
        "fleet.change_switch",
        "operations.change_operation",
        "reservations.change_pool",
        "reservations.decide_forced_release",
        "sla",
    ),
    StaffRole.SUPPORT: (),
}
"""Which permissions to act a role has; an app's name stands for all of its own. Who decides on what takes two people
is ``<app>.decide_<kind>``. What nobody has here (prices, roles of staff) is left to administrators: who sells, approves
or invoices at a price must not be who sets it."""


def group_of(role: StaffRole) -> Group:
    """Return the group of a role with exactly the permissions of the tables above; make it where it is missing."""
    group, _ = Group.objects.get_or_create(name=role.value)
    group.permissions.set(_permissions(role))
    return group


def _permissions(role: StaffRole) -> Iterator[Permission]:
    seen = {tuple(name.split(".")) for name in SEES[role]}
    for permission in Permission.objects.select_related("content_type"):
        app, model = permission.content_type.app_label, permission.content_type.model
        may_see = ((app,) in seen or (app, model) in seen) and f"{app}.{model}" not in HIDDEN[role]
        is_view = permission.codename == f"view_{model}"
        may_act = not is_view and (app in ACTS[role] or f"{app}.{permission.codename}" in ACTS[role])
        if (is_view and may_see) or may_act:
            yield permission


def ensure_groups() -> list[Group]:
    """Bring the groups of all roles up to date. Safe to repeat."""
    return [group_of(role) for role in StaffRole]


def role_of(user: User) -> StaffRole | None:
    """Return the staff role of a person; None for administrators and for everybody else."""
    names = set(user.groups.values_list("name", flat=True))
    return next((role for role in StaffRole if user.is_staff and role.value in names), None)


@transaction.atomic
def set_staff_role(*, actor: Actor, user: User, role: StaffRole | None) -> None:
    """Make a person one of the staff with that role, or (None) no longer one. Raises StateConflict for a superuser."""
    fresh = lock_row(User, user.pk)
    if fresh.is_superuser:
        raise StateConflict(f"{fresh.email} is an administrator, who may do everything: roles do not apply.")
    fresh.groups.remove(*Group.objects.filter(name__in=[known.value for known in StaffRole]))
    if role is not None:
        fresh.groups.add(group_of(role))
    User.objects.filter(pk=fresh.pk).update(is_staff=role is not None)
    user.is_staff = role is not None
    record(
        actor=actor,
        verb="user.staff_role_set",
        target=fresh.public_id,
        data={"role": role.value if role else None},
    )


@transaction.atomic
def set_new_password(*, actor: Actor, user: User) -> str:
    """Give a customer's account a random password and return it; all of its sessions end.

    Raises StateConflict for accounts of staff, which ``manage.py changepassword`` serves, and for those switched off.
    """
    fresh = lock_row(User, user.pk)
    if fresh.is_staff or fresh.is_superuser:
        raise StateConflict(f"{fresh.email} is an account of staff: use manage.py changepassword on the server.")
    if not fresh.is_active:
        raise StateConflict(f"{fresh.email} is switched off.")
    password = random_password()
    fresh.set_password(password)
    fresh.save(update_fields=["password"])
    record(actor=actor, verb="user.password_set", target=fresh.public_id)
    return password
