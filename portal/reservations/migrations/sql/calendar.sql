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

-- Free spans by size. Whoever looks for time of a length finds what is long enough, the tightest first, without reading
-- what is too short; and where little is long enough, there is little to read, however large the pool. A size is a
-- doubling of hours, 0 to 14; 15 is free since ever, 16 for ever. Large pools are parted by racks, 64 to a part, and
-- looked at part by part: who wants much in one rack finds the servers of a rack beside one another.
CREATE FUNCTION calendar_size(lo timestamptz, hi timestamptz) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN hi >= timestamptz '3000-01-01 00:00:00+00' THEN 16
                WHEN lo <= timestamptz '2000-01-01 00:00:00+00' THEN 15
                ELSE width_bucket(
                    hi - lo, '{2 h,4 h,8 h,16 h,32 h,64 h,128 h,256 h,512 h,1024 h,2048 h,4096 h,8192 h,16384 h}'::interval[]
                )
           END
$$;

CREATE INDEX free_span_by_size ON reservations_freespan (pool_id, (rack_id / 64), calendar_size(lo, hi), lo, hi)
    INCLUDE (server_id, rack_id);

-- What in a part of a pool is free for the whole of a span, the tightest size first.
CREATE FUNCTION calendar_free_in_part(pool bigint, part bigint, span_from timestamptz, span_to timestamptz)
RETURNS TABLE (server_id bigint, rack_id bigint, lo timestamptz, hi timestamptz) LANGUAGE sql STABLE AS $$
    SELECT f.server_id, f.rack_id, f.lo, f.hi
    FROM generate_series(calendar_size(span_from, span_to), 14) AS k (size) CROSS JOIN LATERAL (
        SELECT c.server_id, c.rack_id, c.lo, c.hi FROM reservations_freespan c
        WHERE c.pool_id = pool AND c.rack_id / 64 = part AND calendar_size(c.lo, c.hi) = k.size
          AND c.lo <= span_from AND c.lo > span_to - interval '1 hour' * (2 << k.size) AND c.hi >= span_to
        OFFSET 0  -- size by size: joined in another way, all sizes would be read
    ) AS f
    UNION ALL
    SELECT f.server_id, f.rack_id, f.lo, f.hi FROM reservations_freespan f
    WHERE f.pool_id = pool AND f.rack_id / 64 = part AND calendar_size(f.lo, f.hi) = 15
      AND f.lo = timestamptz '2000-01-01 00:00:00+00' AND f.hi >= span_to
    UNION ALL
    SELECT f.server_id, f.rack_id, f.lo, f.hi FROM reservations_freespan f
    WHERE f.pool_id = pool AND f.rack_id / 64 = part AND calendar_size(f.lo, f.hi) = 16 AND f.lo <= span_from
$$;

-- The same of a whole pool, part by part; who stops reading looks at no further part.
CREATE FUNCTION calendar_free(pool bigint, span_from timestamptz, span_to timestamptz)
RETURNS TABLE (server_id bigint, rack_id bigint, lo timestamptz, hi timestamptz) LANGUAGE sql STABLE AS $$
    WITH RECURSIVE parts (part) AS (
        SELECT (SELECT f.rack_id / 64 FROM reservations_freespan f WHERE f.pool_id = pool ORDER BY f.rack_id / 64 LIMIT 1)
        UNION ALL
        SELECT (SELECT f.rack_id / 64 FROM reservations_freespan f
                WHERE f.pool_id = pool AND f.rack_id / 64 > p.part ORDER BY f.rack_id / 64 LIMIT 1)
        FROM parts p WHERE p.part IS NOT NULL
    )
    SELECT f.server_id, f.rack_id, f.lo, f.hi
    FROM parts p CROSS JOIN LATERAL calendar_free_in_part(pool, p.part, span_from, span_to) AS f
    WHERE p.part IS NOT NULL
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

-- Note in the timeline that the time from ``los`` to ``his`` came (sign 1) or went (sign -1): parts of spans, free before
-- or after it, from ``outer_los`` to ``outer_his``. Slots at the ends that were not wholly free, or still are, do not
-- count. Rows that cancel out are not written. Grain 384 sums up the hours of 16 days, so that who asks for some hours
-- need not read all that lie before them.
CREATE FUNCTION calendar_note(
    pools bigint[], outer_los timestamptz[], los timestamptz[], his timestamptz[], outer_his timestamptz[], sign integer
) RETURNS void LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    hour constant interval := interval '1 hour';
    -- Not '1 day', which is a day of the session's time zone, and slower to add.
    day constant interval := interval '24 hours';
BEGIN
    WITH slots AS (
        -- Spans of one booking differ in their outer ends only, and mostly lose the same slots.
        SELECT u.pool_id, count(*) * sign AS change,
               greatest(calendar_slot_after(u.outer_lo, hour), calendar_slot_before(u.lo, hour)) AS first_hour,
               least(calendar_slot_before(u.outer_hi, hour), calendar_slot_after(u.hi, hour)) AS past_hour,
               greatest(calendar_slot_after(u.outer_lo, day), calendar_slot_before(u.lo, day)) AS first_day,
               least(calendar_slot_before(u.outer_hi, day), calendar_slot_after(u.hi, day)) AS past_day
        FROM unnest(pools, outer_los, los, his, outer_his) AS u (pool_id, outer_lo, lo, hi, outer_hi)
        GROUP BY 1, 3, 4, 5, 6
    ), steps AS (
        SELECT s.pool_id, e.grain, e.at, e.change
        FROM slots s CROSS JOIN LATERAL (VALUES
            (1, s.first_hour, s.change, s.first_hour < s.past_hour),
            (1, s.past_hour, -s.change, s.first_hour < s.past_hour),
            -- A step of an hour counts for its block too: most that a booking takes begins and ends in one, and cancels out.
            (384, calendar_slot_before(s.first_hour, interval '384 hours'), s.change, s.first_hour < s.past_hour),
            (384, calendar_slot_before(s.past_hour, interval '384 hours'), -s.change, s.first_hour < s.past_hour),
            (24, s.first_day, s.change, s.first_day < s.past_day),
            (24, s.past_day, -s.change, s.first_day < s.past_day)
        ) AS e (grain, at, change, is_lost)
        WHERE e.is_lost
    )
    INSERT INTO reservations_timelinestep (pool_id, grain, at, change, is_folded)
        SELECT pool_id, grain, at, sum(change), false FROM steps GROUP BY 1, 2, 3 HAVING sum(change) <> 0;
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
            PERFORM calendar_note(pools, los, los, his, his, -1);
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
        PERFORM calendar_note(pools, los, los, his, his, 1);
    END IF;
END
$$;

-- Take time from the servers' free spans: one span per server, given in pk order. A span proves that its server is there,
-- and who takes it keeps the server from being deleted: see calendar_require_servers.
CREATE FUNCTION calendar_take(servers bigint[], froms timestamptz[], tos timestamptz[]) RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    found bigint[]; pools bigint[]; los timestamptz[]; ss timestamptz[]; es timestamptz[]; his timestamptz[]; missed bigint[];
BEGIN
    WITH wanted AS (
        -- The last span that begins in time is the only one that can reach far enough.
        SELECT w.s, w.e, span.ctid AS place
        FROM unnest(servers, froms, tos) AS w (server_id, s, e) CROSS JOIN LATERAL (
            SELECT f.ctid, f.hi FROM reservations_freespan f
            WHERE f.server_id = w.server_id AND f.lo <= w.s ORDER BY f.lo DESC LIMIT 1
        ) AS span
        WHERE span.hi >= w.e
    ), gone AS (
        DELETE FROM reservations_freespan f USING wanted w WHERE f.ctid = w.place
        RETURNING f.server_id, f.pool_id, f.rack_id, f.lo, f.hi, w.s, w.e
    ), kept AS (
        INSERT INTO reservations_freespan (server_id, pool_id, rack_id, lo, hi)
            SELECT g.server_id, g.pool_id, g.rack_id, g.lo, g.s FROM gone g WHERE g.lo < g.s
            UNION ALL
            SELECT g.server_id, g.pool_id, g.rack_id, g.e, g.hi FROM gone g WHERE g.e < g.hi
    )
    SELECT array_agg(g.server_id), array_agg(g.pool_id), array_agg(g.lo), array_agg(g.s), array_agg(g.e), array_agg(g.hi)
        INTO found, pools, los, ss, es, his FROM gone g;
    IF pools IS NOT NULL THEN
        PERFORM calendar_note(pools, los, ss, es, his, -1);
    END IF;
    IF cardinality(servers) <> coalesce(cardinality(found), 0) THEN
        -- Out of the pool, twice in one statement, or changed by somebody else meanwhile.
        SELECT array_agg(DISTINCT id ORDER BY id) INTO missed FROM (
            SELECT id FROM unnest(servers) id EXCEPT ALL SELECT id FROM unnest(found) id
        ) AS left_over;
        PERFORM calendar_rebuild(missed);
        PERFORM calendar_require_servers(missed);
    END IF;
END
$$;

-- Refuse what refers to servers that are not there, and keep those that are from being deleted until the transaction ends.
CREATE FUNCTION calendar_require_servers(servers bigint[]) RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    known bigint[];
BEGIN
    known := ARRAY(SELECT s.id FROM (
        SELECT id FROM fleet_server WHERE id = ANY (servers) ORDER BY id FOR KEY SHARE
    ) AS s);
    IF NOT servers <@ known THEN
        RAISE EXCEPTION 'allocations refer to servers that are not there' USING
            ERRCODE = 'foreign_key_violation', TABLE = 'reservations_allocation', CONSTRAINT = 'allocation_server_known',
            DETAIL = format('Servers %s.', ARRAY(SELECT id FROM unnest(servers) id EXCEPT SELECT id FROM unnest(known) id));
    END IF;
END
$$;

-- The free spans that end where the given ones begin, or begin where they end.
CREATE FUNCTION calendar_neighbours(servers bigint[], froms timestamptz[], tos timestamptz[])
RETURNS TABLE (server_id bigint, lo timestamptz, hi timestamptz) LANGUAGE sql STABLE AS $$
    SELECT n.server_id, n.lo, n.hi
    FROM unnest(servers, froms, tos) AS g (server_id, s, e) CROSS JOIN LATERAL (
        (SELECT f.server_id, f.lo, f.hi FROM reservations_freespan f
         WHERE f.server_id = g.server_id AND f.lo < g.s ORDER BY f.lo DESC LIMIT 1)
        UNION ALL
        SELECT f.server_id, f.lo, f.hi FROM reservations_freespan f WHERE f.server_id = g.server_id AND f.lo = g.e
    ) AS n
    WHERE n.hi = g.s OR n.lo = g.e
$$;

-- Give time back to the servers, joined with the free time before and after it: one span per server.
CREATE FUNCTION calendar_give(servers bigint[], froms timestamptz[], tos timestamptz[]) RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    pools bigint[]; los timestamptz[]; ss timestamptz[]; es timestamptz[]; his timestamptz[];
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
            SELECT 1 FROM calendar_neighbours(servers, froms, tos) n JOIN reservations_freespan f
                ON f.server_id = n.server_id AND f.lo = n.lo
            WHERE f.hi = n.hi ORDER BY f.server_id, f.lo FOR UPDATE OF f
        ) AS neighbours;
        SELECT count(*) INTO seen FROM calendar_neighbours(servers, froms, tos);
        -- A span that was waited for may be gone, and a smaller one in its place.
        EXIT WHEN locked = seen;
    END LOOP;
    WITH given AS (
        SELECT m.server_id, m.pool_id, m.rack_id, g.s, g.e
        FROM unnest(servers, froms, tos) AS g (server_id, s, e) JOIN calendar_member m USING (server_id)
    ), gone AS (
        DELETE FROM reservations_freespan f USING calendar_neighbours(servers, froms, tos) n
        WHERE f.server_id = n.server_id AND f.lo = n.lo AND n.server_id IN (SELECT g.server_id FROM given g)
        RETURNING f.server_id, f.pool_id, f.rack_id, f.lo, f.hi
    ), joined AS (
        SELECT g.server_id, g.pool_id, g.rack_id, least(g.s, min(o.lo)) AS lo, g.s, g.e, greatest(g.e, max(o.hi)) AS hi
        FROM given g LEFT JOIN gone o USING (server_id) GROUP BY g.server_id, g.pool_id, g.rack_id, g.s, g.e
    ), kept AS (
        INSERT INTO reservations_freespan (server_id, pool_id, rack_id, lo, hi)
            SELECT j.server_id, j.pool_id, j.rack_id, j.lo, j.hi FROM joined j
    )
    SELECT array_agg(j.pool_id), array_agg(j.lo), array_agg(j.s), array_agg(j.e), array_agg(j.hi)
        INTO pools, los, ss, es, his FROM joined j;
    IF pools IS NOT NULL THEN
        PERFORM calendar_note(pools, los, ss, es, his, 1);
    END IF;
END
$$;
