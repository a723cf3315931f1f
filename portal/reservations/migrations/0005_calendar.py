"""The calendar that the database keeps up: functions and triggers of the folder ``sql``."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"
TURNOVER = """
UPDATE reservations_allocation a
SET turnover = tstzrange(greatest(lower(a.occupied), upper(r.period)), upper(a.occupied))
FROM reservations_reservation r
WHERE r.id = a.reservation_id AND upper(r.period) < upper(a.occupied)
"""
LEAN = """
DROP INDEX IF EXISTS reservations_allocation_public_id_fba60539_like;
DROP INDEX IF EXISTS reservations_reservation_public_id_aa847220_like;
DROP INDEX IF EXISTS reservations_reservation_state_6af8c3b2_like;
ALTER TABLE reservations_freespan SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE reservations_timelinestep SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
"""
"""Ids and states are never looked for by how they begin: three indexes less to write for each booking. And tables in which most rows
are soon replaced are to be swept often."""

FAT = """
ALTER TABLE reservations_freespan RESET (autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor);
ALTER TABLE reservations_timelinestep RESET (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor);
CREATE INDEX reservations_allocation_public_id_fba60539_like ON reservations_allocation (public_id varchar_pattern_ops);
CREATE INDEX reservations_reservation_public_id_aa847220_like ON reservations_reservation (public_id varchar_pattern_ops);
CREATE INDEX reservations_reservation_state_6af8c3b2_like ON reservations_reservation (state varchar_pattern_ops);
"""

BACKWARD = """
DROP TRIGGER calendar_deleted ON reservations_reservation;
DROP TRIGGER calendar_renumbered ON reservations_reservation;
DROP TRIGGER calendar_renumbered ON fleet_server;
DROP TRIGGER calendar_truncated ON reservations_reservation;
DROP TRIGGER calendar_truncated ON fleet_server;
DROP TRIGGER calendar_truncated ON reservations_allocation;
DROP FUNCTION calendar_truncated, calendar_restore, calendar_faults;
DROP TRIGGER calendar_inserted ON fleet_server;
DROP TRIGGER calendar_updated ON fleet_server;
DROP TRIGGER calendar_deleted ON fleet_server;
DROP TRIGGER calendar_inserted ON reservations_allocation;
DROP TRIGGER calendar_updated ON reservations_allocation;
DROP TRIGGER calendar_deleted ON reservations_allocation;
DROP FUNCTION calendar_reservations_deleted, calendar_renumbered, calendar_require_unreferred, calendar_require_reservations;
DROP FUNCTION calendar_servers_inserted, calendar_servers_updated, calendar_servers_deleted;
DROP FUNCTION calendar_allocations_inserted, calendar_allocations_updated, calendar_allocations_deleted;
DROP FUNCTION calendar_latest;
DROP FUNCTION calendar_forget, calendar_fold, calendar_begins, calendar_short_begins, calendar_fits, calendar_slots;
DROP FUNCTION calendar_place, calendar_grab, calendar_lock_any, calendar_lock_chosen, calendar_choice, calendar_rack, calendar_count, calendar_is_ready;
DROP FUNCTION calendar_give, calendar_neighbours, calendar_take, calendar_require_servers, calendar_rebuild, calendar_note, calendar_gaps;
DROP VIEW calendar_member;
DROP FUNCTION calendar_free, calendar_free_in_part;
DROP INDEX free_span_by_size;
DROP FUNCTION calendar_size;
DROP FUNCTION calendar_slot_before, calendar_slot_after;
"""


def _written(name: str) -> migrations.RunSQL:
    return migrations.RunSQL((SQL / name).read_text(), migrations.RunSQL.noop)


class Migration(migrations.Migration):

    dependencies = [
        ("reservations", "0004_quotes_and_calendar"),
        ("operations", "0002_initial"),
    ]

    operations = [
        migrations.RunSQL(LEAN, FAT),
        migrations.RunSQL(TURNOVER, migrations.RunSQL.noop),
        migrations.RunSQL(migrations.RunSQL.noop, BACKWARD),
        _written("calendar.sql"),
        _written("placement.sql"),
        _written("timeline.sql"),
        _written("ends.sql"),
        _written("triggers.sql"),
        migrations.RunSQL(
            "SELECT calendar_rebuild(ARRAY(SELECT id FROM fleet_server ORDER BY id))", migrations.RunSQL.noop
        ),
        _written("upkeep.sql"),
    ]
