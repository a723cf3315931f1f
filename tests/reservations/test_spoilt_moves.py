"""What holds the random life against the oracle finds each product whose moves are broken, and faults no other."""

import pytest

from tests.reservations import spoilt
from tests.reservations.model_living import live
from tests.reservations.model_moving import Moving
from tests.reservations.model_yard import Yard

pytestmark = [pytest.mark.django_db, pytest.mark.long]

STEPS, LENGTH = 200, 10
MOST_STEPS = 3 * STEPS
"""What a broken product is given to show itself; most do within a tenth of it."""


def test_moves_that_are_whole_pass():
    assert live(Moving, Yard(), 0, STEPS, LENGTH) >= STEPS
    assert Moving.done["move"] > STEPS / 10


@pytest.mark.parametrize(
    "broken",
    [
        spoilt.moves_what_is_about_to_begin,
        spoilt.moves_what_is_due,
        spoilt.moves_what_is_being_prepared,
        spoilt.moves_what_is_in_use,
        spoilt.moves_to_another_fabric,
        spoilt.moves_to_spares,
        spoilt.moves_to_another_time,
        spoilt.moves_off_the_record,
        spoilt.records_the_wrong_server,
        spoilt.tells_nobody_of_moves,
        spoilt.replaces_what_is_about_to_begin,
    ],
    ids=lambda broken: broken.__name__,
)
def test_control(broken, monkeypatch):
    broken(monkeypatch)

    with pytest.raises(AssertionError):
        live(Moving, Yard(), 0, MOST_STEPS, LENGTH)
