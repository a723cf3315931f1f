"""The work that is measured, as scripts of pgbench."""
# ruff: noqa: S608 - what is put into them are numbers of our own

from portal.launcher.bench.fleet import Fleet

HOURS = 26
"""A booking of a day with the hour to prepare it and the hour of its turnover."""
DAYS = 300
"""Windows lie in the part of the year for which the fleet has allocations."""
STAMPEDE_DAYS = 83


def _window(days: int = DAYS) -> str:
    return f"\\set start random(24, {24 * days})\n"


def _at(fleet: Fleet) -> str:
    return f"to_timestamp({fleet.since} + :start * 3600)"


def _span(fleet: Fleet, hours: str = str(HOURS)) -> str:
    return f"{_at(fleet)}, to_timestamp({fleet.since} + (:start::bigint + {hours}) * 3600)"


DICE = """\\set dice random(1, 100)
\\set low case when :dice <= 20 then 1 when :dice <= 40 then 2 else 4 end
\\set count case when :dice <= 65 then :low when :dice <= 87 then 8 else 16 end
"""
"""Blocks of 1 to 16 servers, 5.4 on average."""


def _pool(fleet: Fleet) -> str:
    return f"\\set pool random(1, {fleet.pools})\n"


def key_read(fleet: Fleet) -> str:
    """Read an allocation by its primary key."""
    return f"\\set id random(1, {fleet.allocations})\nSELECT * FROM reservations_allocation WHERE id = :id;\n"


def key_server(fleet: Fleet) -> str:
    """Read a server by its primary key: for a fleet that begins without allocations."""
    return f"\\set id random(1, {fleet.servers})\nSELECT * FROM fleet_server WHERE id = :id;\n"


def search(fleet: Fleet, count: int) -> str:
    """Ask whether a pool has ``count`` servers that are free for the whole of a window."""
    ask = f"SELECT * FROM calendar_count(ARRAY[:pool]::bigint[], {_span(fleet)}, false, {count});\n"
    return _pool(fleet) + _window() + ask


def choose(fleet: Fleet, count: int) -> str:
    """Choose ``count`` servers of a pool, as a booking does."""
    width = count + 64
    return (
        _pool(fleet)
        + _window()
        + (f"SELECT * FROM calendar_choice(ARRAY[:pool]::bigint[], {count}, {_span(fleet)}, false, false, {width});\n")
    )


def rack(fleet: Fleet, count: int) -> str:
    """Look for a rack of a pool with ``count`` servers that are free for the whole of a window."""
    return (
        _pool(fleet)
        + _window()
        + f"SELECT * FROM calendar_rack(ARRAY[:pool]::bigint[], {count}, {_span(fleet)}, false);\n"
    )


def next_starts(fleet: Fleet, count: int) -> str:
    """Ask for the next ten starts of a day within the coming month."""
    return (
        _pool(fleet)
        + _window()
        + (
            f"SELECT * FROM calendar_begins(ARRAY[:pool]::bigint[], {count}, false, interval '{HOURS} hours', "
            f"interval '1 hour', {_at(fleet)}, {_at(fleet)} + interval '30 days', interval '1 hour', 10);\n"
        )
    )


def ninety_days(fleet: Fleet) -> str:
    """Ask for the calendar of a pool by days, ninety of them, from today or later."""
    at = f"to_timestamp({fleet.since} + :start * 86400)"
    return (
        _pool(fleet)
        + "\\set start random(0, 200)\n"
        + (f"SELECT * FROM calendar_slots(ARRAY[:pool]::bigint[], 24, {at}, {at} + interval '90 days');\n")
    )


def book(fleet: Fleet, count: int) -> str:
    """Book a day."""
    return _pool(fleet) + _window() + f"SELECT bench_book(ARRAY[:pool]::bigint[], {count}, {_span(fleet)});\n"


def life(fleet: Fleet, count: int) -> list[str]:
    """Book a day, shorten that booking, call it off: three scripts for one session, in this order."""
    booked = f"SELECT coalesce(bench_book(ARRAY[:pool]::bigint[], {count}, {_span(fleet)}), 0) AS made \\gset\n"
    return [
        _pool(fleet) + _window() + booked,
        "SELECT bench_shorten(:made);\n",
        "SELECT bench_cancel(:made);\n",
    ]


def plain(fleet: Fleet, count: int) -> str:
    """Insert the rows of a booking into a table with nothing but a primary key."""
    return _window() + f"SELECT bench_plain({count}, {_span(fleet)});\n"


CANCEL = "\\set id :id - 1\nSELECT bench_cancel(:id);\n"
"""Call off the booking before ``id``, and so on backwards."""


def _long_window() -> str:
    return DICE + _window(STAMPEDE_DAYS) + "\\set hours random(1, 4) * 24 + 2\n"


def stampede(fleet: Fleet, call: str = "bench_book") -> str:
    """Book 1 to 16 servers for one to four days."""
    return _long_window() + f"SELECT {call}(ARRAY[1]::bigint[], :count, {_span(fleet, ':hours')});\n"


def plain_stampede(fleet: Fleet) -> str:
    """Insert as many rows as the stampede's bookings have."""
    return _long_window() + f"SELECT bench_plain(:count, {_span(fleet, ':hours')});\n"


def exact(fleet: Fleet, asks: int, each: int, day: int) -> str:
    """Ask ``asks`` times, ``each`` times by a client, for a free day: together for exactly all servers."""
    size, more = divmod(fleet.servers, asks)
    begin = fleet.since + day * 86400
    return (
        f"\\set ask :ask + 1\n\\set count {size} + (case when :client_id * {each} + :ask <= {more} then 1 else 0 end)\n"
        f"SELECT bench_book(ARRAY[1]::bigint[], :count, to_timestamp({begin}), to_timestamp({begin + HOURS * 3600}));\n"
    )
