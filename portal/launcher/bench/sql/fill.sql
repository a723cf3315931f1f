-- Servers in equal pools, racks of 32, and allocations for a year, each server with a calendar of its own.
-- Nothing is random: every run gets the same fleet.

CREATE FUNCTION bench_dice(a bigint, b bigint, sides integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ((hashint8extended(a * 1000003 + b, 42) & 9223372036854775807) % sides)::integer
$$;

CREATE TABLE bench_world AS
    SELECT (w->>'region')::bigint AS region, (w->>'server_type')::bigint AS server_type, (w->>'image')::bigint AS image,
           (w->>'buyer')::bigint AS buyer, (w->>'filler')::bigint AS filler,
           date_trunc('day', now()) + interval '1 day' AS since
    FROM (SELECT current_setting('bench.world')::jsonb) AS s (w);

INSERT INTO fleet_rack (name, region_id)
    SELECT 'f' || f || '-r' || r, w.region
    FROM bench_world w, unnest(ARRAY(SELECT id FROM fleet_fabric ORDER BY id LIMIT current_setting('bench.pools')::integer)) WITH ORDINALITY AS x (id, f),
         generate_series(0, (current_setting('bench.servers')::integer / current_setting('bench.pools')::integer - 1) / 32) r;

INSERT INTO fleet_server (
    public_id, created_at, state, state_reason, state_changed_at, name, rack_unit, serial, system_uuid, ssh_host, ssh_port,
    fabric_id, rack_id, region_id, server_type_id, is_spare
)
    SELECT 'srv_0' || lpad((f * 1000000 + n)::text, 25, '0'), now(), 'available', '', now(), 'f' || f || '-s' || n, n % 32,
           'S' || f || '-' || n, gen_random_uuid(), 'host-' || f || '-' || n, 22, x.id, k.id, w.region, w.server_type, false
    FROM bench_world w
    CROSS JOIN unnest(ARRAY(SELECT id FROM fleet_fabric ORDER BY id LIMIT current_setting('bench.pools')::integer))
        WITH ORDINALITY AS x (id, f)
    CROSS JOIN generate_series(0, current_setting('bench.servers')::integer / current_setting('bench.pools')::integer - 1) n
    JOIN fleet_rack k ON k.name = 'f' || f || '-r' || n / 32
    ORDER BY f, n;

-- Gaps are mostly short, and every fifth is long: 38 hours on average; what lies between them lasts 137.
CREATE UNLOGGED TABLE bench_busy AS
    SELECT id AS server_id, k,
           sum(gap + coalesce(before, 0)) OVER (PARTITION BY id ORDER BY k) AS since, used
    FROM (
        SELECT id, k, gap, used, lag(used) OVER (PARTITION BY id ORDER BY k) AS before
        FROM (
            SELECT s.id, k,
                   CASE WHEN bench_dice(s.id, k, 5) = 0 THEN 60 + bench_dice(s.id, k + 100, 181)
                        ELSE 1 + bench_dice(s.id, k + 100, 20) END AS gap,
                   24 + bench_dice(s.id, k + 200, 227) AS used
            FROM fleet_server s, generate_series(1, current_setting('bench.held')::integer) k
        ) AS dice
    ) AS steps;

INSERT INTO reservations_reservation (
    public_id, created_at, state, state_reason, state_changed_at, organization_id, project_id, name, server_type_id, region_id,
    count, period, placement, image_id, ssh_keys, user_data, labels, rate_per_gpu_hour, price, currency, price_lines,
    cancellation_terms, cancellation_fee, is_committed, requested_by, degraded
)
    SELECT 'res_0' || lpad(n::text, 25, '0'), now(), 'scheduled', '', now(), p.organization_id, p.id, 'r' || n,
           w.server_type, w.region, 8, tstzrange(w.since, w.since + interval '1 day'), 'same_fabric', w.image, '["ssh-ed25519 AAAA bench"]',
           '', '{}', 2.49, 3824.64, 'USD', '[]', '[]', 0, false, 'bench', false
    FROM bench_world w JOIN tenancy_project p ON p.id = w.filler,
         generate_series(1, (SELECT (count(*) + 7) / 8 FROM bench_busy)) n;

INSERT INTO reservations_allocation (
    public_id, created_at, state, state_reason, state_changed_at, reservation_id, server_id, position, hostname, occupied,
    turnover, ssh_user, host_keys, rescue_host_keys
)
    SELECT 'alo_0' || lpad(n::text, 25, '0'), now(), 'booked', '', now(), first.id + (n - 1) / 8, server_id, (n - 1) % 8,
           'r' || n || '-0' || (n - 1) % 8 + 1, tstzrange(begins, ends), tstzrange(ends - interval '1 hour', ends), '', '[]', '[]'
    FROM (SELECT min(id) AS id FROM reservations_reservation) AS first, (
        SELECT row_number() OVER () AS n, b.server_id, w.since + b.since * interval '1 hour' AS begins,
               w.since + (b.since + b.used) * interval '1 hour' AS ends
        FROM bench_world w, bench_busy b
    ) AS spans;

DROP TABLE bench_busy;
