-- Questions to the timeline. It counts, per slot, the servers that are free for the whole slot; a span of several slots
-- may have fewer that are free throughout, never more. So it rules out quickly, and the free spans decide.

-- How many servers are free in each slot from ``slots_from`` on, ``slots_to`` excluded.
CREATE FUNCTION calendar_slots(pools bigint[], slot_hours integer, slots_from timestamptz, slots_to timestamptz)
RETURNS TABLE (pool_id bigint, at timestamptz, free bigint) LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    -- What lies before is in the sums of blocks; days are few enough to be read one by one.
    since timestamptz := CASE WHEN slot_hours = 1 THEN calendar_slot_before(slots_from, interval '384 hours')
                              ELSE timestamptz '-infinity' END;
BEGIN
    RETURN QUERY WITH changes AS (
        SELECT p.id AS pool_id, slots_from AS at, coalesce((
            SELECT sum(t.change) FROM reservations_timelinestep t
            WHERE t.pool_id = p.id AND t.grain = slot_hours AND t.at <= slots_from AND t.at >= since
        ), 0) + coalesce((
            SELECT sum(t.change) FROM reservations_timelinestep t
            WHERE slot_hours = 1 AND t.pool_id = p.id AND t.grain = 384 AND t.at < since
        ), 0) AS change
        FROM unnest(pools) AS p (id)
        UNION ALL
        SELECT t.pool_id, t.at, sum(t.change)
        FROM unnest(pools) AS p (id) JOIN reservations_timelinestep t
            ON t.pool_id = p.id AND t.grain = slot_hours AND t.at > slots_from AND t.at < slots_to
        GROUP BY 1, 2
    )
    SELECT p.id, s.at, coalesce(sum(c.change) OVER (PARTITION BY p.id ORDER BY s.at), 0)::bigint
    FROM unnest(pools) AS p (id)
    CROSS JOIN generate_series(slots_from, slots_to - interval '1 hour' * slot_hours, interval '1 hour' * slot_hours) AS s (at)
    LEFT JOIN changes c ON c.pool_id = p.id AND c.at = s.at
    ORDER BY p.id, s.at;
END
$$;

-- Whether enough servers are free for the whole of a span.
CREATE FUNCTION calendar_fits(pools bigint[], wanted integer, span_from timestamptz, span_to timestamptz, may_spread boolean)
RETURNS boolean LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    missing integer := wanted; pool bigint; found integer;
BEGIN
    FOREACH pool IN ARRAY pools LOOP
        SELECT count(*) INTO found FROM (
            SELECT 1 FROM calendar_free(pool, span_from, span_to) LIMIT missing
        ) AS enough;
        IF found = missing THEN
            RETURN true;
        ELSIF may_spread THEN
            missing := missing - found;
        END IF;
    END LOOP;
    RETURN false;
END
$$;

-- The same as calendar_begins, from the free spans alone: for lengths so short that no whole slot need lie in them.
CREATE FUNCTION calendar_short_begins(
    pools bigint[], wanted integer, may_spread boolean, needed interval, lead interval,
    soonest timestamptz, latest timestamptz, grid interval, most integer
) RETURNS SETOF timestamptz LANGUAGE sql STABLE AS $$
    WITH openings AS (
        SELECT CASE WHEN may_spread THEN 0 ELSE f.pool_id END AS part_of,
               greatest(f.lo, soonest) AS first, least(f.hi - needed, latest) AS last
        FROM reservations_freespan f
        WHERE f.pool_id = ANY (pools) AND f.hi >= soonest + needed AND f.lo <= latest
    ), steps AS (
        SELECT part_of, at, sum(change) AS change
        FROM openings CROSS JOIN LATERAL (VALUES (first, 1), (last + interval '1 microsecond', -1)) AS e (at, change)
        WHERE first <= last GROUP BY 1, 2
    ), counted AS (
        SELECT at AS since, lead(at) OVER w AS until, sum(change) OVER w AS free FROM steps
        WINDOW w AS (PARTITION BY part_of ORDER BY at)
    )
    SELECT DISTINCT b.at
    FROM counted c CROSS JOIN LATERAL (
        SELECT s.at FROM generate_series(
            calendar_slot_after(c.since + lead, coalesce(grid, interval '1 second')) - lead,
            c.until - interval '1 microsecond', coalesce(grid, interval '1000 years')
        ) AS s (at) LIMIT most
    ) AS b
    WHERE c.free >= wanted ORDER BY 1 LIMIT most
$$;

-- The first begins, from ``soonest`` to ``latest``, of spans of the length ``needed`` in which enough servers are free.
-- With a grid they lie ``lead`` before a multiple of it; without one they are the earliest instants, ``lead`` before a
-- whole second.
CREATE FUNCTION calendar_begins(
    pools bigint[], wanted integer, may_spread boolean, needed interval, lead interval,
    soonest timestamptz, latest timestamptz, grid interval, most integer
) RETURNS SETOF timestamptz LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    hour constant interval := interval '1 hour';
    unit interval := coalesce(grid, interval '1 second');
    part_from timestamptz := soonest; part_to timestamptz; part interval := interval '2 days';
    run record; begin_at timestamptz; run_end timestamptz; failed integer; found integer := 0;
    tried timestamptz; at_once integer;
BEGIN
    IF needed < 2 * hour THEN
        RETURN QUERY SELECT * FROM calendar_short_begins(
            pools, wanted, may_spread, needed, lead, soonest, latest, grid, most
        );
        RETURN;
    END IF;
    WHILE part_from <= latest AND found < most LOOP
        part_to := least(latest, part_from + part);
        -- Runs of whole hours in each of which enough is free, in one pool or in all together.
        FOR run IN
            WITH slots AS (
                SELECT CASE WHEN may_spread THEN 0 ELSE s.pool_id END AS part_of, s.at, sum(s.free) >= wanted AS enough
                FROM calendar_slots(pools, 1, calendar_slot_before(part_from, hour), calendar_slot_after(part_to + needed, hour)) s
                GROUP BY 1, 2
            ), numbered AS (
                SELECT part_of, at, row_number() OVER (PARTITION BY part_of ORDER BY at) AS place FROM slots WHERE enough
            )
            SELECT min(at) AS since, max(at) + hour AS until FROM numbered
            GROUP BY part_of, at - place * hour ORDER BY 1
        LOOP
            begin_at := calendar_slot_after(greatest(part_from, run.since - hour) + lead, unit) - lead;
            run_end := least(part_to, run.until + hour - needed);
            failed := 0;
            WHILE begin_at <= run_end AND found < most LOOP
                IF tried IS NULL OR begin_at > tried THEN
                    -- What stays free for as much longer as the grid goes on fits at each of its points.
                    at_once := CASE WHEN grid IS NULL THEN 0 ELSE least(
                        most - found - 1, floor(extract(epoch FROM run_end - begin_at) / extract(epoch FROM grid))
                    ) END;
                    IF at_once > 0
                        AND NOT calendar_fits(pools, wanted, begin_at, begin_at + needed + at_once * grid, may_spread)
                    THEN
                        at_once := 0;
                    END IF;
                    IF at_once > 0 OR calendar_fits(pools, wanted, begin_at, begin_at + needed, may_spread) THEN
                        FOR further IN 0..at_once LOOP
                            tried := begin_at + further * grid;
                            RETURN NEXT coalesce(tried, begin_at);
                        END LOOP;
                        begin_at := coalesce(tried, begin_at);
                        found := found + 1 + at_once;
                        failed := 0;
                    ELSE
                        failed := failed + 1;
                    END IF;
                    tried := begin_at;
                END IF;
                EXIT WHEN found >= most;
                IF grid IS NOT NULL AND failed < 24 THEN
                    begin_at := begin_at + grid;
                ELSE
                    -- What is free throughout grows only where a free span begins.
                    SELECT calendar_slot_after(min(f.lo) + lead, unit) - lead INTO begin_at FROM reservations_freespan f
                    WHERE f.pool_id = ANY (pools) AND f.lo > begin_at AND f.hi >= f.lo + needed AND f.lo <= run_end;
                    EXIT WHEN begin_at IS NULL;
                END IF;
            END LOOP;
        END LOOP;
        EXIT WHEN part_to >= latest;
        part_from := part_to + interval '1 microsecond';
        part := part * 4;
    END LOOP;
END
$$;

-- Put the new rows of the timeline together with those of the same slot. Nobody waits for it, and who reads meanwhile sees
-- the same sums. One at a time does it. Returns how many rows were put together.
CREATE FUNCTION calendar_fold(most integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    folded_rows integer;
BEGIN
    IF NOT pg_try_advisory_xact_lock(7002, 0) THEN
        RETURN 0;
    END IF;
    WITH gone AS (
        DELETE FROM reservations_timelinestep t
        WHERE t.id IN (SELECT s.id FROM reservations_timelinestep s WHERE NOT s.is_folded ORDER BY s.id LIMIT most)
        RETURNING t.pool_id, t.grain, t.at, t.change
    ), kept AS (
        INSERT INTO reservations_timelinestep (pool_id, grain, at, change, is_folded)
            SELECT g.pool_id, g.grain, g.at, sum(g.change), true FROM gone g GROUP BY 1, 2, 3 HAVING sum(g.change) <> 0
            ORDER BY 1, 2, 3
            ON CONFLICT (pool_id, grain, at) WHERE is_folded
            DO UPDATE SET change = reservations_timelinestep.change + excluded.change
    )
    SELECT count(*) INTO folded_rows FROM gone;
    RETURN folded_rows;
END
$$;

-- Forget what is over: free time that nobody can book any more, and the timeline before ``moment``, of which one row stays.
CREATE FUNCTION calendar_forget(moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7002, 0);
    WITH over AS (
        SELECT f.server_id, f.lo FROM reservations_freespan f WHERE f.hi < moment
        ORDER BY f.server_id, f.lo FOR UPDATE SKIP LOCKED
    )
    DELETE FROM reservations_freespan f USING over o WHERE f.server_id = o.server_id AND f.lo = o.lo;
    WITH gone AS (
        -- Whole blocks, so that they stay the sums of their hours.
        DELETE FROM reservations_timelinestep t
        WHERE t.at < calendar_slot_before(moment - interval '2 days', interval '384 hours')
        RETURNING t.pool_id, t.grain, t.change
    )
    INSERT INTO reservations_timelinestep (pool_id, grain, at, change, is_folded)
        SELECT g.pool_id, g.grain, timestamptz '2000-01-01 00:00:00+00', sum(g.change), false
        FROM gone g GROUP BY 1, 2 HAVING sum(g.change) <> 0;
END
$$;
