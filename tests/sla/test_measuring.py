"""What a server was, second by second; a thousand histories of it are in ``test_crediting``."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from portal.sla.definitions import CURRENT, DEFINITIONS, Cause, Condition, Kind
from portal.sla.measuring import Exclusion, Measured, Reading, measured, timeline
from portal.sla.spans import Span
from tests.sla.histories import history


def test_segments_follow_one_another_and_equal_neighbours_are_one():
    for seed in range(50):
        told = history(seed)
        segments = timeline(told.served, told.readings, told.exclusions, CURRENT)
        for one, other in pairwise(segments):
            assert one.span.end <= other.span.start
            assert one.span.end < other.span.start or one[1:] != other[1:]


def down(start, end, order=1, kind=Kind.REACHABLE):
    return Reading(kind, Condition.DOWN, Span(start, end), order)


def up(start, end, order=0, kind=Kind.REACHABLE):
    return Reading(kind, Condition.UP, Span(start, end), order)


def test_what_was_recorded_later_counts_for_the_time_that_it_speaks_of():
    segments = timeline([Span(0, 100)], [up(0, 100), down(20, 60, 1), up(40, 50, 2)], [], CURRENT)

    assert [(one.span, one.condition) for one in segments] == [
        (Span(0, 20), Condition.UP),
        (Span(20, 40), Condition.DOWN),
        (Span(40, 50), Condition.UP),
        (Span(50, 60), Condition.DOWN),
        (Span(60, 100), Condition.UP),
    ]


def test_a_segment_names_what_failed_and_what_excludes_it():
    readings = [up(0, 100), down(10, 30), down(20, 30, 2, Kind.POWER)]
    segments = timeline([Span(0, 100)], readings, [Exclusion(Cause.TENANT, Span(25, 30), "op_1")], CURRENT)

    assert [(one.span, one.kinds, one.proof) for one in segments[1:4]] == [
        (Span(10, 20), (Kind.REACHABLE,), ""),
        (Span(20, 25), (Kind.POWER, Kind.REACHABLE), ""),
        (Span(25, 30), (Kind.POWER, Kind.REACHABLE), "op_1"),
    ]
    assert measured(segments) == Measured(obliged=95, down=15, tenant=5)


def test_without_samples_nothing_is_known_and_nothing_is_down():
    segments = timeline([Span(0, 100)], [], [], CURRENT)

    assert measured(segments) == Measured(obliged=100, unknown=100)


def test_a_kind_that_is_not_known_does_not_hide_another_that_failed():
    unknown = Reading(Kind.POWER, Condition.UNKNOWN, Span(0, 100), 2)

    assert measured(timeline([Span(0, 100)], [unknown, down(0, 40)], [], CURRENT)).down == 40


def test_before_the_hand_over_nothing_is_measured():
    assert measured(timeline([Span(50, 100)], [down(0, 60)], [], CURRENT)) == Measured(obliged=50, down=10, unknown=40)


def test_availability_is_exact_and_full_where_nothing_was_measured():
    assert Measured(obliged=1000, down=1).availability(Decimal(0)) == Decimal("99.9")
    assert Measured(obliged=1000, degraded=2).availability(Decimal("0.5")) == Decimal("99.9")
    assert Measured(tenant=1000).availability(Decimal(0)) == 100
    third = Measured(obliged=3, down=1).availability(Decimal(0))
    assert abs(Fraction(third) - Fraction(200, 3)) < Fraction(1, 10**20)


def test_definitions_are_known_by_their_version():
    assert {number: each.version for number, each in DEFINITIONS.items()} == {1: 1, 2: 2}
    assert CURRENT is DEFINITIONS[max(DEFINITIONS)]
