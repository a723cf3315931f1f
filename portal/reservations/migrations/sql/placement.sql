-- Choosing servers. Each question is one call, whatever the size of the pool.
--
-- Functions in plpgsql, here and in the other files, because a session keeps the plans of their statements; the body of
-- one in sql is planned at every call, which takes longer than the work. Generic plans: there is one right plan each.

-- Whether a server can begin to be prepared at once: erased, and in nobody's operation.
CREATE FUNCTION calendar_is_ready(server bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM fleet_server s WHERE s.id = server AND s.state = 'available')
       AND NOT EXISTS (
           SELECT 1 FROM operations_operationserver w
           WHERE w.server_id = server AND w.state IN ('ready', 'working', 'awaiting')
       )
$$;

-- How many servers of each pool are free for the whole of a span, counted up to a limit.
CREATE FUNCTION calendar_count(pools bigint[], span_from timestamptz, span_to timestamptz, is_due boolean, most integer)
RETURNS TABLE (pool_id bigint, free bigint) LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    FOREACH pool_id IN ARRAY pools LOOP
        SELECT count(*) INTO free FROM (
            SELECT 1 FROM calendar_free(pool_id, span_from, span_to) f
            WHERE NOT is_due OR calendar_is_ready(f.server_id)
            LIMIT most
        ) AS enough;
        RETURN NEXT;
    END LOOP;
END
$$;

-- The fullest rack, of each pool, in which enough servers are free for the whole of a span. A large pool is looked at
-- part by part, in the first part that has such a rack, and in no more than four: what follows is not worth the time.
CREATE FUNCTION calendar_rack(pools bigint[], wanted integer, span_from timestamptz, span_to timestamptz, is_due boolean)
RETURNS TABLE (pool_id bigint, rack_id bigint, free bigint) LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    part bigint;
BEGIN
    FOREACH pool_id IN ARRAY pools LOOP
        part := -1;
        FOR _ IN 1..4 LOOP
            SELECT f.rack_id / 64 INTO part FROM reservations_freespan f
            WHERE f.pool_id = calendar_rack.pool_id AND f.rack_id / 64 > part ORDER BY f.rack_id / 64 LIMIT 1;
            EXIT WHEN part IS NULL;
            SELECT f.rack_id, count(*) INTO rack_id, free
            FROM calendar_free_in_part(calendar_rack.pool_id, part, span_from, span_to) f
            WHERE NOT is_due OR calendar_is_ready(f.server_id)
            GROUP BY f.rack_id HAVING count(*) >= wanted ORDER BY count(*), f.rack_id LIMIT 1;
            IF FOUND THEN
                RETURN NEXT;
                EXIT;
            END IF;
        END LOOP;
    END LOOP;
END
$$;

-- Which servers to take, the best first: of the fullest pool that has enough, and in it of the fullest rack that has
-- enough, so that large blocks stay whole for large requests; what fits into no single pool or rack spreads over as few
-- as possible; of servers that are alike, the one whose free time ends first. Chosen among the first ``width`` of each
-- pool, so that the size of a pool does not matter. Fewer rows than ``wanted`` where there are not enough.
CREATE FUNCTION calendar_choice(
    pools bigint[], wanted integer, span_from timestamptz, span_to timestamptz, is_due boolean, may_spread boolean, width integer
) RETURNS TABLE (server_id bigint, lo timestamptz, pool_id bigint) LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    -- What is chosen among. In arrays, because one statement that finds and ranks takes longer to set up than to run.
    ids bigint[]; homes bigint[]; racks bigint[]; los timestamptz[]; his timestamptz[];
BEGIN
    SELECT array_agg(f.server_id), array_agg(p.id), array_agg(f.rack_id), array_agg(f.lo), array_agg(f.hi)
        INTO ids, homes, racks, los, his
        FROM unnest(pools) AS p (id) CROSS JOIN LATERAL (
            SELECT s.* FROM calendar_free(p.id, span_from, span_to) s
            WHERE NOT is_due OR calendar_is_ready(s.server_id)
            LIMIT width
        ) AS f;
    IF wanted BETWEEN 2 AND 48 AND NOT EXISTS (
        SELECT 1 FROM unnest(homes, racks) AS r (home, rack) GROUP BY home, rack HAVING count(*) >= wanted
    ) THEN
        -- Those that came first lie in no rack that has room: the servers of one that has.
        SELECT ids || array_agg(f.server_id), homes || array_agg(r.pool_id), racks || array_agg(r.rack_id),
               los || array_agg(f.lo), his || array_agg(f.hi)
            INTO ids, homes, racks, los, his
            FROM calendar_rack(pools, wanted, span_from, span_to, is_due) r
            CROSS JOIN LATERAL calendar_free_in_part(r.pool_id, r.rack_id / 64, span_from, span_to) f
            WHERE f.rack_id = r.rack_id AND (NOT is_due OR calendar_is_ready(f.server_id)) AND f.server_id <> ALL (ids);
    END IF;
    RETURN QUERY SELECT c.server_id, c.lo, c.home FROM (
        SELECT s.*, count(*) OVER (PARTITION BY s.home) AS in_pool, count(*) OVER (PARTITION BY s.home, s.rack) AS in_rack
        FROM unnest(ids, homes, racks, los, his) AS s (server_id, home, rack, lo, hi)
    ) AS c
    WHERE may_spread OR c.in_pool >= wanted
    ORDER BY c.in_pool < wanted, CASE WHEN c.in_pool < wanted THEN -c.in_pool ELSE c.in_pool END, c.home,
             c.in_rack < wanted, CASE WHEN c.in_rack < wanted THEN -c.in_rack ELSE c.in_rack END, c.rack,
             c.hi, c.lo DESC, c.server_id
    LIMIT wanted;
END
$$;

-- Lock chosen spans that nobody holds, and return their servers in pk order.
CREATE FUNCTION calendar_lock_chosen(servers bigint[], los timestamptz[], span_to timestamptz) RETURNS bigint[]
LANGUAGE plpgsql AS $$
BEGIN
    RETURN ARRAY(
        SELECT server_id FROM (
            SELECT f.server_id FROM reservations_freespan f JOIN unnest(servers, los) AS b (server_id, lo)
                ON f.server_id = b.server_id AND f.lo = b.lo
            -- Since they were chosen, somebody may have left of one only its beginning.
            WHERE f.hi >= span_to
            FOR UPDATE OF f SKIP LOCKED
        ) AS mine ORDER BY server_id
    );
END
$$;

-- Lock up to ``wanted`` spans that nobody holds, of other servers than ``but``, and return their servers in pk order.
CREATE FUNCTION calendar_lock_any(
    pools bigint[], wanted integer, span_from timestamptz, span_to timestamptz, is_due boolean, but bigint[]
) RETURNS bigint[] LANGUAGE plpgsql AS $$
BEGIN
    RETURN ARRAY(
        SELECT server_id FROM (
            SELECT f.server_id
            FROM unnest(pools) AS p (id)
            CROSS JOIN LATERAL calendar_free(p.id, span_from, span_to) AS c
            -- One by one, so that no more is looked at than is wanted.
            CROSS JOIN LATERAL (
                SELECT s.server_id FROM reservations_freespan s
                WHERE s.server_id = c.server_id AND s.lo = c.lo AND s.hi >= span_to
                  AND (NOT is_due OR calendar_is_ready(s.server_id))
                FOR UPDATE SKIP LOCKED
            ) AS f
            WHERE c.server_id <> ALL (but)
            LIMIT wanted
        ) AS mine ORDER BY server_id
    );
END
$$;

-- Lock free spans that together make up what is wanted, and return their servers in pk order; NULL where there is too
-- little; an empty array where others hold so much that too little is left: then whoever asked rolls back to where he was
-- before, and may ask calendar_place.
--
-- There is no block with an exception in here: its locks would be those of a subtransaction. Deleting what one's own
-- subtransaction has locked makes a multixact of each row, whose members everybody reads who comes by until the next vacuum:
-- bookings slowed down to a quarter after some thousand of them.
CREATE FUNCTION calendar_grab(
    pools bigint[], wanted integer, span_from timestamptz, span_to timestamptz, is_due boolean, may_spread boolean
) RETURNS bigint[] LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    width integer := wanted + 64;
    best bigint[]; best_los timestamptz[]; homes bigint[]; locked bigint[]; more bigint[];
BEGIN
    SELECT array_agg(c.server_id), array_agg(c.lo), array_agg(DISTINCT c.pool_id) INTO best, best_los, homes
        FROM calendar_choice(pools, wanted, span_from, span_to, is_due, may_spread, width) c;
    IF coalesce(cardinality(best), 0) < wanted THEN
        RETURN NULL;
    END IF;
    locked := calendar_lock_chosen(best, best_los, span_to);
    IF cardinality(locked) = wanted THEN
        RETURN locked;
    END IF;
    -- Others hold some of the best, so whatever nobody holds beside those that are mine.
    more := calendar_lock_any(
        CASE WHEN may_spread THEN pools ELSE homes END, wanted - cardinality(locked), span_from, span_to, is_due, locked
    );
    IF cardinality(locked) + cardinality(more) < wanted THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(SELECT id FROM unnest(locked || more) id ORDER BY id);
END
$$;

-- The same for who waits: NULL is true at that instant, and there is no empty array. Whoever inserts allocations for what is
-- returned in the same transaction has it.
--
-- Nobody waits for the spans that others hold: they are skipped, and only when too few are left one waiter per pool at a
-- time looks again until the others have committed or given up.
CREATE FUNCTION calendar_place(
    pools bigint[], wanted integer, span_from timestamptz, span_to timestamptz, is_due boolean, may_spread boolean
) RETURNS bigint[] LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    width integer := wanted + 64;
    best bigint[]; best_los timestamptz[]; candidates bigint[]; locked bigint[]; misses integer := 0;
BEGIN
    LOOP
        SELECT array_agg(c.server_id), array_agg(c.lo) INTO best, best_los
            FROM calendar_choice(pools, wanted, span_from, span_to, is_due, may_spread, width) c;
        IF coalesce(cardinality(best), 0) < wanted THEN
            RETURN NULL;
        END IF;
        BEGIN
            locked := calendar_lock_chosen(best, best_los, span_to);
            IF cardinality(locked) = wanted THEN
                RETURN locked;
            END IF;
            -- A short take releases its locks before anything is waited for.
            RAISE EXCEPTION USING ERRCODE = 'MY001';
        EXCEPTION WHEN SQLSTATE 'MY001' THEN NULL;
        END;
        -- Others hold what is best, so whatever nobody holds: from all pools, or from the first one that has enough.
        FOR candidates IN
            SELECT pools WHERE may_spread
            UNION ALL SELECT ARRAY[c.pool_id]
            FROM calendar_count(pools, span_from, span_to, is_due, wanted) c WHERE NOT may_spread AND c.free >= wanted
        LOOP
            BEGIN
                locked := calendar_lock_any(candidates, wanted, span_from, span_to, is_due, '{}');
                IF cardinality(locked) = wanted THEN
                    RETURN locked;
                END IF;
                RAISE EXCEPTION USING ERRCODE = 'MY001';
            EXCEPTION WHEN SQLSTATE 'MY001' THEN NULL;
            END;
        END LOOP;
        misses := misses + 1;
        IF misses = 1 THEN
            PERFORM pg_advisory_xact_lock(7001, p.id::integer) FROM (SELECT id FROM unnest(pools) AS u (id) ORDER BY id) AS p;
        ELSIF misses > 5000 THEN
            RAISE EXCEPTION 'free servers stay locked by others' USING ERRCODE = 'lock_not_available';
        ELSE
            PERFORM pg_sleep(0.001);
        END IF;
    END LOOP;
END
$$;
