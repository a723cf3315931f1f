"""Victims of deadlocks, as often as a test wants: PostgreSQL itself says so, of whoever writes a certain row."""

from contextlib import contextmanager

from django.db import connection

# What a sequence has counted stays counted when the transaction is rolled back.
BEGIN = """
CREATE SEQUENCE victims;
CREATE FUNCTION victim() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF nextval('victims') <= {times} THEN
    RAISE EXCEPTION 'as if' USING ERRCODE = 'deadlock_detected';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER victim BEFORE UPDATE ON {table} FOR EACH ROW WHEN (OLD.id = {pk}) EXECUTE FUNCTION victim();
"""
END = "DROP TRIGGER victim ON {table}; DROP FUNCTION victim; DROP SEQUENCE victims"


@contextmanager
def in_the_way(row, times):
    """Let the first ``times`` writes to a row be given up in favour of others."""
    names = {"table": row._meta.db_table, "pk": int(row.pk), "times": int(times)}
    with connection.cursor() as cursor:
        cursor.execute(BEGIN.format(**names))
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(END.format(**names))
