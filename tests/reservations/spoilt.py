"""Products that are broken on purpose: our own code with a few words of it exchanged, for as long as a test lasts."""

import inspect

from portal.reservations import room
from portal.reservations.services import moves, rebind
from portal.reservations.states import ReservationState

EVERY_FABRIC = "f.pool_id IN (SELECT p.id FROM reservations_pool p WHERE NOT p.is_spare)"
EVERY_SERVER = """f.pool_id IN (
    SELECT p.id FROM reservations_pool p JOIN reservations_pool o USING (fabric_id) WHERE o.id = %(pool)s
)"""
HALF = "Period(booking.span.start + booking.span.duration / 2, booking.span.end).as_range()"
BEGUN = "clock.now() - 999 * READY_MARGIN"


def exchanged(text, old, new):
    """Return a text with the only place of some words in it exchanged."""
    assert text.count(old) == 1, (old, text.count(old))
    return text.replace(old, new)


def spoil(monkeypatch, module, name, old, new):
    """Exchange some words of a function, or of a constant text."""
    known = getattr(module, name)
    if isinstance(known, str):
        monkeypatch.setattr(module, name, exchanged(known, old, new))
        return
    made = {}
    # In the module's own names, so that it calls what else is spoilt there.
    exec(exchanged(inspect.getsource(known), old, new), vars(module), made)  # noqa: S102
    monkeypatch.setattr(module, name, made[name])


def moves_what_is_about_to_begin(monkeypatch):
    spoil(monkeypatch, moves, "_due", "clock.now() + READY_MARGIN", "clock.now()")


def moves_what_is_due(monkeypatch):
    spoil(monkeypatch, moves, "_due", "clock.now() + READY_MARGIN", BEGUN)


def moves_what_is_being_prepared(monkeypatch):
    moves_what_is_due(monkeypatch)
    monkeypatch.setattr(room, "MOVABLE_STATES", tuple(ReservationState))


def moves_what_is_in_use(monkeypatch):
    moves_what_is_being_prepared(monkeypatch)
    for text in ("BOOKINGS", "LANES"):
        spoil(monkeypatch, room, text, "a.state = %(booked)s AND ", "")
    spoil(monkeypatch, moves, "_move", "state=held)", "state__in=HOLDING)")


def moves_to_another_fabric(monkeypatch):
    spoil(monkeypatch, room, "GAPS", "f.pool_id = %(pool)s", EVERY_FABRIC)


def moves_to_spares(monkeypatch):
    spoil(monkeypatch, room, "GAPS", "f.pool_id = %(pool)s", EVERY_SERVER)


def moves_to_another_time(monkeypatch):
    spoil(monkeypatch, moves, "_move", "update(server=new)", f"update(server=new, occupied={HALF})")


def moves_off_the_record(monkeypatch):
    spoil(monkeypatch, moves, "_move", "    record(", "    dict(")


def records_the_wrong_server(monkeypatch):
    spoil(monkeypatch, moves, "_move", '"old": servers[booking.server].public_id', '"old": new.public_id')


def tells_nobody_of_moves(monkeypatch):
    spoil(monkeypatch, moves, "_carry_out", "        tell(", "        dict(")


def replaces_what_is_about_to_begin(monkeypatch):
    spoil(monkeypatch, rebind, "broken", "clock.now() + READY_MARGIN", "clock.now()")
