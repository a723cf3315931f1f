-- Every server was in a customer's hands all of last month, and still is: a customer for each 256 of them.
SET session_replication_role = replica;

INSERT INTO tenancy_organization (public_id, created_at, name, currency)
    SELECT 'org_1' || lpad(n::text, 25, '0'), now(), 'Customer ' || n, 'USD'
    FROM generate_series(0, (SELECT (count(*) - 1) / 32 FROM reservations_reservation)) n;
INSERT INTO tenancy_project (public_id, created_at, name, organization_id)
    SELECT 'prj_1' || lpad(substr(public_id, 6)::bigint::text, 25, '0'), now(), 'main', id
    FROM tenancy_organization WHERE public_id LIKE 'org\_1%';

UPDATE reservations_reservation r
SET state = 'active', state_changed_at = m.since, handed_over_at = m.since,
    period = tstzrange(m.since, m.until), organization_id = p.organization_id, project_id = p.id
FROM (
    SELECT date_trunc('month', now(), 'UTC') - interval '1 month' AS since,
           date_trunc('month', now(), 'UTC') + interval '6 months' AS until,
           (SELECT min(id) FROM reservations_reservation) AS first
) m, tenancy_project p
WHERE p.public_id = 'prj_1' || lpad(((r.id - m.first) / 32)::text, 25, '0');

UPDATE reservations_allocation a
SET state = 'serving', ready_at = lower(r.period), turnover = tstzrange(upper(r.period), upper(r.period) + interval '1 hour'),
    occupied = tstzrange(lower(r.period) - interval '1 hour', upper(r.period) + interval '1 hour')
FROM reservations_reservation r
WHERE r.id = a.reservation_id;

SET session_replication_role = origin;
ANALYZE;
