-- What is free when, kept up from the allocations and the servers. See portal/reservations/models/calendar.py.
--
-- Who takes free time locks the rows of reservations_freespan that he takes from. Who gives time back locks the server
-- rows first, in pk order, and then the neighbouring spans: so nobody who takes waits for a server row.

-- STABLE as adding an interval is: said to be more, they would not be put in place of their calls, and cost the most.
CREATE FUNCTION calendar_slot_after(moment timestamptz, step interval) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT date_bin(step, moment + step - interval '1 microsecond', timestamptz '2000-01-01 00:00:00+00')
$$;

CREATE FUNCTION calendar_slot_before(moment timestamptz, step interval) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT date_bin(step, moment, timestamptz '2000-01-01 00:00:00+00')
$$;

-- The servers that can be promised, with the pool that they are sold in.
CREATE VIEW calendar_member AS
    SELECT s.id AS server_id, p.id AS pool_id, s.rack_id
    FROM fleet_server s
    JOIN reservations_pool p
      ON p.server_type_id = s.server_type_id AND p.region_id = s.region_id AND p.fabric_id = s.fabric_id
     AND p.is_spare = s.is_spare
    WHERE s.state IN ('available', 'deploying', 'in_use', 'releasing');

-- Free spans of servers, worked out from the allocations: the meaning of reservations_freespan.
CREATE FUNCTION calendar_gaps(servers bigint[])
RETURNS TABLE (server_id bigint, pool_id bigint, rack_id bigint, lo timestamptz, hi timestamptz)
LANGUAGE sql STABLE AS $$
    WITH busy AS (
        SELECT m.server_id, timestamptz '-infinity' AS lo, timestamptz '2000-01-01 00:00:00+00' AS hi
        FROM calendar_member m WHERE m.server_id = ANY (servers)
        UNION ALL
        SELECT a.server_id, lower(a.occupied), upper(a.occupied)
        FROM reservations_allocation a
        WHERE a.server_id = ANY (servers) AND a.state IN ('booked', 'serving', 'cleaning')
    ), gaps AS (
        SELECT b.server_id, max(b.hi) OVER (w ROWS UNBOUNDED PRECEDING) AS lo,
               coalesce(lead(b.lo) OVER w, timestamptz '3000-01-01 00:00:00+00') AS hi
        FROM busy b WINDOW w AS (PARTITION BY b.server_id ORDER BY b.lo)
    )
    SELECT m.server_id, m.pool_id, m.rack_id, g.lo, g.hi
    FROM gaps g JOIN calendar_member m USING (server_id) WHERE g.lo < g.hi
$$;

-- Note in the timeline that spans of free time came (sign 1) or went (sign -1). Rows that cancel out are not written.
CREATE FUNCTION calendar_note(pools bigint[], los timestamptz[], his timestamptz[], signs integer[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    INSERT INTO reservations_timelinestep (pool_id, grain, at, change, is_folded)
    SELECT pool_id, grain, at, sum(change), false
    FROM (
        SELECT c.pool_id, g.grain, sign, calendar_slot_after(c.lo, g.step) AS first, calendar_slot_before(c.hi, g.step) AS past
        FROM unnest(pools, los, his, signs) AS c (pool_id, lo, hi, sign)
        CROSS JOIN (VALUES (1, interval '1 hour'), (24, interval '1 day')) AS g (grain, step)
    ) AS slots
    CROSS JOIN LATERAL (VALUES (first, sign), (past, -sign)) AS steps (at, change)
    WHERE first < past
    GROUP BY pool_id, grain, at
    HAVING sum(change) <> 0;
END
$$;

-- Work out the free spans of servers anew. Slower than taking and giving, and always right.
CREATE FUNCTION calendar_rebuild(servers bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    pools bigint[]; los timestamptz[]; his timestamptz[];
BEGIN
    PERFORM 1 FROM fleet_server s WHERE s.id = ANY (servers) ORDER BY s.id FOR NO KEY UPDATE;
    INSERT INTO reservations_pool (server_type_id, region_id, fabric_id, is_spare)
        SELECT DISTINCT s.server_type_id, s.region_id, s.fabric_id, s.is_spare
        FROM fleet_server s
        WHERE s.id = ANY (servers) AND NOT EXISTS (
            SELECT 1 FROM reservations_pool p
            WHERE p.server_type_id = s.server_type_id AND p.region_id = s.region_id
              AND p.fabric_id = s.fabric_id AND p.is_spare = s.is_spare
        )
        ON CONFLICT DO NOTHING;
    LOOP
        WITH gone AS (
            DELETE FROM reservations_freespan f WHERE f.server_id = ANY (servers) RETURNING f.pool_id, f.rack_id, f.lo, f.hi
        )
        SELECT array_agg(g.pool_id), array_agg(g.lo), array_agg(g.hi)
            INTO pools, los, his FROM gone g;
        IF pools IS NOT NULL THEN
            PERFORM calendar_note(pools, los, his, array_fill(-1, ARRAY[cardinality(pools)]));
        END IF;
        -- Spans that somebody had taken from and put back smaller were not visible to the statement that waited for them.
        EXIT WHEN NOT EXISTS (SELECT 1 FROM reservations_freespan f WHERE f.server_id = ANY (servers));
    END LOOP;
    WITH kept AS (
        INSERT INTO reservations_freespan (server_id, pool_id, rack_id, lo, hi)
            SELECT g.server_id, g.pool_id, g.rack_id, g.lo, g.hi FROM calendar_gaps(servers) g
            RETURNING pool_id, rack_id, lo, hi
    )
    SELECT array_agg(k.pool_id), array_agg(k.lo), array_agg(k.hi)
        INTO pools, los, his FROM kept k;
    IF pools IS NOT NULL THEN
        PERFORM calendar_note(pools, los, his, array_fill(1, ARRAY[cardinality(pools)]));
    END IF;
END
$$;

-- Take time from the servers' free spans: one span per server, given in pk order.
CREATE FUNCTION calendar_take(servers bigint[], froms timestamptz[], tos timestamptz[]) RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    found bigint[]; pools bigint[]; los timestamptz[]; his timestamptz[]; signs integer[]; missed bigint[];
BEGIN
    WITH wanted AS (
        SELECT * FROM unnest(servers, froms, tos) AS w (server_id, s, e)
    ), gone AS (
        DELETE FROM reservations_freespan f USING wanted w
        WHERE f.server_id = w.server_id AND f.lo <= w.s AND f.hi >= w.e
        RETURNING f.server_id, f.pool_id, f.rack_id, f.lo, f.hi, w.s, w.e
    ), rest AS (
        SELECT g.server_id, g.pool_id, g.rack_id, g.lo, g.s AS hi FROM gone g WHERE g.lo < g.s
        UNION ALL
        SELECT g.server_id, g.pool_id, g.rack_id, g.e, g.hi FROM gone g WHERE g.e < g.hi
    ), kept AS (
        INSERT INTO reservations_freespan (server_id, pool_id, rack_id, lo, hi)
            SELECT r.server_id, r.pool_id, r.rack_id, r.lo, r.hi FROM rest r
            RETURNING server_id, pool_id, rack_id, lo, hi
    ), change AS (
        SELECT g.server_id, g.pool_id, g.rack_id, g.lo, g.hi, -1 AS sign FROM gone g
        UNION ALL SELECT k.server_id, k.pool_id, k.rack_id, k.lo, k.hi, 1 FROM kept k
    )
    SELECT array_agg(c.server_id) FILTER (WHERE c.sign = -1), array_agg(c.pool_id),
           array_agg(c.lo), array_agg(c.hi), array_agg(c.sign)
        INTO found, pools, los, his, signs FROM change c;
    IF pools IS NOT NULL THEN
        PERFORM calendar_note(pools, los, his, signs);
    END IF;
    IF cardinality(servers) <> coalesce(cardinality(found), 0) THEN
        -- Out of the pool, twice in one statement, or changed by somebody else meanwhile.
        SELECT array_agg(DISTINCT id ORDER BY id) INTO missed FROM (
            SELECT id FROM unnest(servers) id EXCEPT ALL SELECT id FROM unnest(found) id
        ) AS left_over;
        PERFORM calendar_rebuild(missed);
    END IF;
END
$$;

-- Give time back to the servers, joined with the free time before and after it: one span per server.
CREATE FUNCTION calendar_give(servers bigint[], froms timestamptz[], tos timestamptz[]) RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    pools bigint[]; los timestamptz[]; his timestamptz[]; signs integer[];
    locked bigint; seen bigint;
BEGIN
    IF cardinality(servers) <> (SELECT count(DISTINCT id) FROM unnest(servers) id) THEN
        PERFORM calendar_rebuild(ARRAY(SELECT DISTINCT id FROM unnest(servers) id ORDER BY id));
        RETURN;
    END IF;
    -- Two who give back neighbouring time of one server must see one another.
    PERFORM 1 FROM fleet_server s WHERE s.id = ANY (servers) ORDER BY s.id FOR NO KEY UPDATE;
    LOOP
        SELECT count(*) INTO locked FROM (
            SELECT 1 FROM reservations_freespan f JOIN unnest(servers, froms, tos) AS g (server_id, s, e)
                ON f.server_id = g.server_id AND (f.hi = g.s OR f.lo = g.e)
            ORDER BY f.server_id, f.lo FOR UPDATE OF f
        ) AS neighbours;
        SELECT count(*) INTO seen FROM reservations_freespan f JOIN unnest(servers, froms, tos) AS g (server_id, s, e)
            ON f.server_id = g.server_id AND (f.hi = g.s OR f.lo = g.e);
        -- A span that was waited for may be gone, and a smaller one in its place.
        EXIT WHEN locked = seen;
    END LOOP;
    WITH given AS (
        SELECT m.server_id, m.pool_id, m.rack_id, g.s, g.e
        FROM unnest(servers, froms, tos) AS g (server_id, s, e) JOIN calendar_member m USING (server_id)
    ), gone AS (
        DELETE FROM reservations_freespan f USING given g
        WHERE f.server_id = g.server_id AND (f.hi = g.s OR f.lo = g.e)
        RETURNING f.server_id, f.pool_id, f.rack_id, f.lo, f.hi
    ), kept AS (
        INSERT INTO reservations_freespan (server_id, pool_id, rack_id, lo, hi)
            SELECT g.server_id, g.pool_id, g.rack_id, least(g.s, min(o.lo)), greatest(g.e, max(o.hi))
            FROM given g LEFT JOIN gone o USING (server_id) GROUP BY g.server_id, g.pool_id, g.rack_id, g.s, g.e
            RETURNING pool_id, rack_id, lo, hi
    ), change AS (
        SELECT g.pool_id, g.rack_id, g.lo, g.hi, -1 AS sign FROM gone g
        UNION ALL SELECT k.pool_id, k.rack_id, k.lo, k.hi, 1 FROM kept k
    )
    SELECT array_agg(c.pool_id), array_agg(c.lo), array_agg(c.hi), array_agg(c.sign)
        INTO pools, los, his, signs FROM change c;
    IF pools IS NOT NULL THEN
        PERFORM calendar_note(pools, los, his, signs);
    END IF;
END
$$;
