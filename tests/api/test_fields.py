"""Fields of bodies and queries."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from portal.api.fields import InstantField, Rate
from portal.api.serializers.agents import FirmwareField

OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=OFFSETS)


@given(INSTANTS)
def test_an_instant_is_read_whatever_its_offset_and_written_in_utc(moment):
    read = InstantField().run_validation(moment.isoformat())

    assert read == moment
    assert read.tzinfo is UTC
    written = InstantField().to_representation(read)
    assert written.endswith("Z")
    assert InstantField().run_validation(written) == moment.replace(microsecond=0)


@given(st.text() | st.integers() | st.floats() | st.none() | st.lists(st.integers(), max_size=1))
def test_anything_else_is_refused_and_never_breaks(value):
    with pytest.raises(ValidationError) as refused:
        InstantField().run_validation(value)

    assert refused.value.get_codes()[0] in ("invalid", "null")


@pytest.mark.parametrize(
    ("rate", "written"),
    [
        ("2.5", "2.50"),
        ("2.500000", "2.50"),
        ("2.375", "2.375"),
        ("0", "0.00"),
        ("1000", "1000.00"),
        ("2.8475", "2.8475"),
    ],
)
def test_a_rate_has_two_places_or_as_many_as_it_needs(rate, written):
    assert Rate(Decimal(rate), "USD").amount == written


@pytest.mark.parametrize("names", [["a\x00b"], ["x" * 81], [str(number) for number in range(129)], [""]])
def test_names_of_firmware_that_a_machine_reports_are_bounded_as_everything_is(names):
    with pytest.raises(ValidationError):
        FirmwareField().run_validation(dict.fromkeys(names, "1"))

    assert FirmwareField().run_validation({"BIOS ": "3.7", "b": ""}) == {"BIOS ": "3.7", "b": ""}
