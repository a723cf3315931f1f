-- The latest end, from ``soonest`` to ``latest``, of spans from ``span_from`` on in which enough servers are free; NULL
-- where not even ``soonest`` is possible. What is free until an instant is free until every earlier one, so halving finds
-- it, to the second.
CREATE FUNCTION calendar_latest(
    pools bigint[], wanted integer, may_spread boolean, span_from timestamptz,
    soonest timestamptz, latest timestamptz, is_due boolean
) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
    fitting integer := -1; beyond integer := floor(extract(epoch FROM latest - soonest))::integer + 1; middle integer;
    fits boolean;
BEGIN
    WHILE beyond - fitting > 1 LOOP
        -- Asked first: not even the soonest end may be possible.
        middle := CASE WHEN fitting < 0 THEN 0 ELSE (fitting + beyond) / 2 END;
        SELECT CASE WHEN may_spread THEN sum(c.free) >= wanted ELSE max(c.free) >= wanted END INTO fits
            FROM calendar_count(pools, span_from, soonest + middle * interval '1 second', is_due, wanted) c;
        IF fits THEN
            fitting := middle;
        ELSE
            beyond := middle;
        END IF;
    END LOOP;
    RETURN CASE WHEN fitting >= 0 THEN soonest + fitting * interval '1 second' END;
END
$$;
