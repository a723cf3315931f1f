"""What a tenant did itself, and maintenance within its allowance."""

import pytest

from portal.operations.states import OperationKind
from portal.sla.definitions import Cause
from portal.sla.excluding import Deed, Turn, maintenance_time, tenants_time
from portal.sla.spans import Span, first_seconds, merged


def deed(asked, ended, kind=OperationKind.REBOOT, succeeded=True, is_tenants=True):
    return Deed(asked, ended, kind, succeeded, is_tenants, f"op_{asked}")


def spans(*deeds):
    return [(one.span.start, one.span.end, one.proof) for one in tenants_time(deeds, until=1000, settling=50)]


def test_a_reboot_takes_its_time_and_that_to_come_up():
    assert spans(deed(100, 120)) == [(100, 170, "op_100")]


def test_what_failed_takes_its_time_only_and_what_goes_on_all_that_is_left():
    assert spans(deed(100, 120, succeeded=False)) == [(100, 120, "op_100")]
    assert spans(deed(900, None)) == [(900, 1000, "op_900")]
    assert spans(deed(980, 990)) == [(980, 1000, "op_980")]


@pytest.mark.parametrize("kind", [OperationKind.POWER_OFF, OperationKind.RESCUE])
def test_a_server_stays_off_until_something_else_is_asked_for(kind):
    on = deed(500, 510, OperationKind.POWER_ON)

    assert spans(on, deed(100, 120, kind)) == [(100, 500, "op_100"), (500, 560, "op_500")]
    assert spans(deed(100, 120, kind)) == [(100, 1000, "op_100")]


def test_what_staff_asked_for_excludes_nothing_and_ends_what_the_tenant_left():
    staffs = deed(500, 510, OperationKind.POWER_ON, is_tenants=False)

    assert spans(deed(100, 120, OperationKind.POWER_OFF), staffs) == [(100, 500, "op_100")]


def test_maintenance_is_excluded_in_order_of_time_until_the_allowance_is_used_up():
    turns = [Turn(Span(500, 600), 99, "b"), Turn(Span(100, 160), 99, "a"), Turn(Span(300, 900), 98, "unannounced")]

    found = list(maintenance_time(turns, [Span(120, 550), Span(560, 1000)], notice=99, allowance=100))

    assert [(one.cause, one.span, one.proof) for one in found] == [
        (Cause.MAINTENANCE, Span(120, 160), "a"),
        (Cause.MAINTENANCE, Span(500, 550), "b"),
        (Cause.MAINTENANCE, Span(560, 570), "b"),
    ]


def test_spans_are_merged_and_cut():
    assert merged([Span(5, 7), Span(1, 3), Span(3, 4), Span(6, 6)]) == [Span(1, 4), Span(5, 7)]
    assert first_seconds([Span(5, 7), Span(1, 3)], 3) == [Span(1, 3), Span(5, 6)]
    assert first_seconds([Span(1, 3)], 0) == []
