"""The one table of the provider's own people: what it names is there, and each role gets exactly that."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission

from portal.approvals.kinds import all_kinds
from portal.tenancy.staff import ACTS, HIDDEN, SEES, StaffRole, ensure_groups, group_of
from tests import staff

pytestmark = pytest.mark.django_db

READS = {StaffRole.SUPPORT}
DECIDES = {
    "quota_increase": {StaffRole.SALES, StaffRole.SALES_LEAD},
    "forced_release": {StaffRole.SALES_LEAD, StaffRole.OPERATIONS},
}
"""Who decides on which kind; kinds of rooms above have their own tests."""
PRICES = ("catalog.pricebook", "contracts.contract", "billing.invoice")


def is_empty(app):
    """Tell whether an app has no models yet: then the table is ahead of it."""
    return not list(apps.get_app_config(app).get_models())


def exists(name):
    """Tell whether what the table names is an app, a model or a permission of the portal."""
    app, _, rest = name.partition(".")
    config = apps.get_app_config(app)
    if is_empty(app) or not rest:
        return config.name == f"portal.{app}"
    models = {model._meta.model_name for model in config.get_models()}
    return rest in models or Permission.objects.filter(content_type__app_label=app, codename=rest).exists()


@pytest.mark.parametrize("table", [SEES, HIDDEN, ACTS])
def test_the_table_speaks_of_every_role_and_of_what_there_is(table):
    assert set(table) == set(StaffRole)
    assert {name for names in table.values() for name in names if not exists(name)} == set()
    assert all(len(set(names)) == len(names) for names in table.values())


@pytest.mark.parametrize("role", StaffRole)
def test_a_group_has_what_the_table_says_and_nothing_else(role):
    held = {
        f"{app}.{codename}"
        for app, codename in group_of(role).permissions.values_list("content_type__app_label", "codename")
    }
    views = {name for name in held if name.split(".")[1].startswith("view_")}

    assert {name for name in held - views if name not in ACTS[role] and name.split(".")[0] not in ACTS[role]} == set()
    assert {name for name in ACTS[role] if "." in name and not is_empty(name.split(".")[0])} <= held
    for name in views:
        app, model = name.split(".")[0], name.split(".")[1].removeprefix("view_")
        assert app in SEES[role] or f"{app}.{model}" in SEES[role]
        assert f"{app}.{model}" not in HIDDEN[role]


@pytest.mark.parametrize("role", StaffRole)
def test_who_may_act_on_something_may_look_at_it(role):
    person = staff.person(role)
    acts = group_of(role).permissions.exclude(codename__startswith="view_").select_related("content_type")

    blind = [row.codename for row in acts if not person.has_perm(_view_of(row.content_type))]

    assert blind == []
    assert (acts.count() == 0) == (role in READS)


def _view_of(content_type):
    return f"{content_type.app_label}.view_{content_type.model}"


def test_names_that_are_not_there_break_nothing(monkeypatch):
    monkeypatch.setitem(SEES, StaffRole.SUPPORT, ("nowhere", "fleet.unicorn"))
    monkeypatch.setitem(ACTS, StaffRole.SUPPORT, ("nowhere", "fleet.change_unicorn"))

    assert len(ensure_groups()) == len(StaffRole)
    assert not group_of(StaffRole.SUPPORT).permissions.exists()


@pytest.mark.parametrize("kind", sorted(DECIDES))
def test_who_decides_on_what(kind):
    permission = next(known.staff_permission for known in all_kinds() if known.name == kind)

    assert {role for role in StaffRole if staff.person(role).has_perm(permission)} == DECIDES[kind]
    assert staff.person(staff.ADMINISTRATOR).has_perm(permission)


@pytest.mark.parametrize("kind", all_kinds(), ids=lambda kind: kind.name)
def test_every_kind_has_a_permission_that_is_there_and_that_two_people_can_have(kind):
    app, _, codename = kind.staff_permission.partition(".")

    assert Permission.objects.filter(content_type__app_label=app, codename=codename).exists()
    assert any(staff.person(role).has_perm(kind.staff_permission) for role in StaffRole)


def test_operations_see_no_prices_and_nobody_sets_them():
    operations = staff.person(StaffRole.OPERATIONS)

    assert not any(
        operations.has_perm(f"{app}.view_{model}") for app, _, model in (name.partition(".") for name in PRICES)
    )
    for role in StaffRole:
        assert not [
            name
            for name in staff.person(role).get_all_permissions()
            if name.endswith(("change_pricebook", "add_pricebook"))
        ]
    assert staff.person(StaffRole.SALES).has_perm("catalog.view_pricebook")
