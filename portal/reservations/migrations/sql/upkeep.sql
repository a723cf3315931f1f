-- Looking whether the calendar says what the allocations say, and making it anew.

-- What is wrong with free spans and timeline from ``moment`` on, in words; nothing where all is well. One statement, so
-- that it sees one instant, whatever is booked meanwhile.
CREATE FUNCTION calendar_faults(moment timestamptz) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    WITH truth AS (
        SELECT g.server_id, g.pool_id, g.rack_id, greatest(g.lo, moment) AS lo, g.hi
        FROM calendar_gaps(ARRAY(SELECT id FROM fleet_server)) g WHERE g.hi > moment
    ), kept AS (
        SELECT f.server_id, f.pool_id, f.rack_id, greatest(f.lo, moment) AS lo, f.hi
        FROM reservations_freespan f WHERE f.hi > moment
    ), wrong AS (
        (SELECT t.*, 'is missing' AS fault FROM (SELECT * FROM truth EXCEPT ALL SELECT * FROM kept) t)
        UNION ALL
        (SELECT k.*, 'is not so' FROM (SELECT * FROM kept EXCEPT ALL SELECT * FROM truth) k)
    ), grains (grain, step, block, since) AS (
        SELECT g, s, b, calendar_slot_before(calendar_slot_after(moment, s), b)
        FROM (VALUES (1, interval '1 hour', interval '1 hour'), (24, interval '24 hours', interval '24 hours'),
                     (384, interval '1 hour', interval '384 hours')) AS v (g, s, b)
    ), expected AS (
        SELECT pool_id, grain, greatest(calendar_slot_before(at, block), since) AS at, sum(change) AS change
        FROM (
            SELECT f.pool_id, g.grain, g.block, g.since, calendar_slot_after(f.lo, g.step) AS first,
                   calendar_slot_before(f.hi, g.step) AS past
            FROM reservations_freespan f CROSS JOIN grains g
        ) AS slots CROSS JOIN LATERAL (VALUES (first, 1), (past, -1)) AS e (at, change)
        WHERE first < past GROUP BY 1, 2, 3
    ), counted AS (
        SELECT t.pool_id, t.grain::integer, greatest(t.at, g.since) AS at, sum(t.change) AS change
        FROM reservations_timelinestep t JOIN grains g ON g.grain = t.grain GROUP BY 1, 2, 3
    )
    SELECT format('server %s: free from %s to %s in pool %s, rack %s %s',
                  w.server_id, w.lo, w.hi, w.pool_id, w.rack_id, w.fault)
    FROM wrong w
    UNION ALL
    SELECT format('pool %s: the timeline of %s h changes by %s at %s, the free spans by %s',
                  coalesce(e.pool_id, c.pool_id), coalesce(e.grain, c.grain), coalesce(c.change, 0),
                  coalesce(e.at, c.at), coalesce(e.change, 0))
    FROM expected e FULL JOIN counted c ON (c.pool_id, c.grain, c.at) = (e.pool_id, e.grain, e.at)
    WHERE coalesce(e.change, 0) <> coalesce(c.change, 0)
    UNION ALL
    SELECT format('server %s: there is no pool for it', s.id)
    FROM fleet_server s
    WHERE s.state IN ('available', 'deploying', 'in_use', 'releasing')
      AND NOT EXISTS (SELECT 1 FROM calendar_member m WHERE m.server_id = s.id)
    ORDER BY 1
$$;

-- Make free spans and timeline anew for all servers. Bookings wait meanwhile.
CREATE FUNCTION calendar_restore() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7002, 0);
    -- Servers before spans: the order of everybody who gives time back.
    PERFORM 1 FROM fleet_server s ORDER BY s.id FOR NO KEY UPDATE;
    LOCK TABLE reservations_freespan, reservations_timelinestep IN EXCLUSIVE MODE;
    DELETE FROM reservations_freespan;
    DELETE FROM reservations_timelinestep;
    PERFORM calendar_rebuild(ARRAY(SELECT s.id FROM fleet_server s ORDER BY s.id));
END
$$;

CREATE FUNCTION calendar_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME <> 'reservations_allocation' AND EXISTS (SELECT 1 FROM reservations_allocation) THEN
        RAISE EXCEPTION 'allocations still refer to %', TG_TABLE_NAME USING
            ERRCODE = 'foreign_key_violation', HINT = 'Truncate reservations_allocation in the same statement.';
    END IF;
    PERFORM calendar_restore();
    RETURN NULL;
END
$$;

CREATE TRIGGER calendar_truncated AFTER TRUNCATE ON reservations_allocation
    FOR EACH STATEMENT EXECUTE FUNCTION calendar_truncated();
CREATE TRIGGER calendar_truncated AFTER TRUNCATE ON fleet_server
    FOR EACH STATEMENT EXECUTE FUNCTION calendar_truncated();
CREATE TRIGGER calendar_truncated AFTER TRUNCATE ON reservations_reservation
    FOR EACH STATEMENT EXECUTE FUNCTION calendar_truncated();
