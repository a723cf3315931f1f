-- What the benchmark does to a fleet, each as one call. They write the same rows as the portal's services.

CREATE TABLE bench_plain (LIKE reservations_allocation INCLUDING DEFAULTS INCLUDING IDENTITY, PRIMARY KEY (id));

GRANT ALL ON bench_world, bench_plain TO PUBLIC;

-- The rows of a booking into a table with nothing but a primary key: what the bounds of bookings are measured by.
CREATE FUNCTION bench_plain(wanted integer, span_from timestamptz, span_to timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bench_plain (
        public_id, created_at, state, state_reason, state_changed_at, reservation_id, server_id, position, hostname, occupied,
        turnover, ssh_user, host_keys, rescue_host_keys
    )
        SELECT 'alo_1' || lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1e6)::bigint), 15, '0') || lpad(n::text, 10, '0'),
               now(), 'booked', '', now(), 1, n, n, 'bench-' || n, tstzrange(span_from, span_to),
               tstzrange(span_to - interval '1 hour', span_to), '', '[]', '[]'
        FROM generate_series(1, wanted) n;
END
$$;

-- The rows of a booking of servers that were taken.
CREATE FUNCTION bench_write(servers bigint[], span_from timestamptz, span_to timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    made bigint; mark text; wanted integer := cardinality(servers);
BEGIN
    mark := lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1e6)::bigint), 15, '0') || substr(md5(random()::text), 1, 8);
    INSERT INTO reservations_reservation (
        public_id, created_at, state, state_reason, state_changed_at, organization_id, project_id, name, server_type_id,
        region_id, count, period, placement, image_id, ssh_keys, user_data, labels, rate_per_gpu_hour, price, currency,
        price_lines, cancellation_terms, cancellation_fee, is_committed, requested_by, degraded
    )
        SELECT 'res_1' || mark, now(), 'scheduled', '', now(), p.organization_id, p.id, 'b-' || mark, w.server_type, w.region,
               wanted, tstzrange(span_from + interval '1 hour', span_to - interval '1 hour'), 'same_fabric', w.image,
               '["ssh-ed25519 AAAA bench"]', '', '{}', 2.49, 3824.64, 'USD', '[]', '[]', 0, false, 'bench', false
        FROM bench_world w JOIN tenancy_project p ON p.id = w.buyer
        RETURNING id INTO made;
    INSERT INTO reservations_allocation (
        public_id, created_at, state, state_reason, state_changed_at, reservation_id, server_id, position, hostname, occupied,
        turnover, ssh_user, host_keys, rescue_host_keys
    )
        SELECT 'alo_1' || mark || lpad(s.place::text, 4, '0'), now(), 'booked', '', now(), made, s.id, s.place - 1,
               'b-' || mark || '-' || s.place, tstzrange(span_from, span_to), tstzrange(span_to - interval '1 hour', span_to),
               '', '[]', '[]'
        FROM unnest(servers) WITH ORDINALITY AS s (id, place);
    RETURN made;
END
$$;

-- A whole booking: placement, reservation, allocations, in a savepoint as the portal has it; patiently where others hold what
-- is free. NULL where there is too little.
CREATE FUNCTION bench_book(pools bigint[], wanted integer, span_from timestamptz, span_to timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    servers bigint[];
BEGIN
    BEGIN
        servers := calendar_grab(pools, wanted, span_from, span_to, false, false);
        IF servers IS NULL THEN
            RETURN NULL;
        ELSIF cardinality(servers) = wanted THEN
            RETURN bench_write(servers, span_from, span_to);
        END IF;
        RAISE EXCEPTION USING ERRCODE = 'MY002';
    EXCEPTION WHEN SQLSTATE 'MY002' THEN NULL;
    END;
    servers := calendar_place(pools, wanted, span_from, span_to, false, false);
    RETURN CASE WHEN servers IS NOT NULL THEN bench_write(servers, span_from, span_to) END;
END
$$;

-- The baseline that bookings must beat: whoever books a pool waits for all who book it.
CREATE FUNCTION bench_book_alone(pools bigint[], wanted integer, span_from timestamptz, span_to timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7009, pools[1]::integer);
    RETURN bench_book(pools, wanted, span_from, span_to);
END
$$;

-- End a booking six hours earlier.
CREATE FUNCTION bench_shorten(chosen bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM reservations_reservation r WHERE r.id = chosen FOR NO KEY UPDATE;
    UPDATE reservations_reservation SET period = tstzrange(lower(period), upper(period) - interval '6 hours') WHERE id = chosen;
    UPDATE reservations_allocation SET occupied = tstzrange(lower(occupied), upper(occupied) - interval '6 hours'),
        turnover = tstzrange(lower(turnover) - interval '6 hours', upper(turnover) - interval '6 hours')
        WHERE reservation_id = chosen;
END
$$;

-- Call off a booking.
CREATE FUNCTION bench_cancel(chosen bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM reservations_reservation r WHERE r.id = chosen FOR NO KEY UPDATE;
    UPDATE reservations_reservation SET state = 'cancelled', state_changed_at = now() WHERE id = chosen;
    UPDATE reservations_allocation SET state = 'released', state_changed_at = now() WHERE reservation_id = chosen;
END
$$;
