-- Whoever writes allocations or servers, the calendar follows in the same statement. What an allocation refers to is looked
-- for there too, once for all rows of a statement: a foreign key asks for each row anew, which was an eighth of a booking,
-- and locks each server's row, which those who book a pool at the same time then share in lists that all of them read.

-- Refuse allocations of reservations that are not there, and keep those that are from being deleted.
CREATE FUNCTION calendar_require_reservations(reservations bigint[]) RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    known bigint[];
BEGIN
    known := ARRAY(SELECT r.id FROM (
        SELECT id FROM reservations_reservation WHERE id = ANY (reservations) ORDER BY id FOR KEY SHARE
    ) AS r);
    IF NOT reservations <@ known THEN
        RAISE EXCEPTION 'allocations refer to reservations that are not there' USING
            ERRCODE = 'foreign_key_violation', TABLE = 'reservations_allocation',
            CONSTRAINT = 'allocation_reservation_known';
    END IF;
END
$$;

-- Refuse to let go of servers or reservations that allocations refer to.
CREATE FUNCTION calendar_require_unreferred(servers bigint[], reservations bigint[]) RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM reservations_allocation a WHERE a.server_id = ANY (servers)) THEN
        RAISE EXCEPTION 'allocations still refer to these servers' USING
            ERRCODE = 'foreign_key_violation', TABLE = 'fleet_server', CONSTRAINT = 'allocation_server_known';
    ELSIF EXISTS (SELECT 1 FROM reservations_allocation a WHERE a.reservation_id = ANY (reservations)) THEN
        RAISE EXCEPTION 'allocations still refer to these reservations' USING
            ERRCODE = 'foreign_key_violation', TABLE = 'reservations_reservation',
            CONSTRAINT = 'allocation_reservation_known';
    END IF;
END
$$;

CREATE FUNCTION calendar_allocations_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    servers bigint[]; froms timestamptz[]; tos timestamptz[]; reservations bigint[]; idle bigint[];
BEGIN
    SELECT array_agg(server_id ORDER BY server_id) FILTER (WHERE holds),
           array_agg(lower(occupied) ORDER BY server_id) FILTER (WHERE holds),
           array_agg(upper(occupied) ORDER BY server_id) FILTER (WHERE holds),
           array_agg(DISTINCT reservation_id), array_agg(server_id) FILTER (WHERE NOT holds)
        INTO servers, froms, tos, reservations, idle
        FROM (SELECT *, state IN ('booked', 'serving', 'cleaning') AS holds FROM new_rows) AS made;
    IF reservations IS NOT NULL THEN
        PERFORM calendar_require_reservations(reservations);
    END IF;
    IF idle IS NOT NULL THEN
        PERFORM calendar_require_servers(idle);
    END IF;
    IF servers IS NOT NULL THEN
        PERFORM calendar_take(servers, froms, tos);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION calendar_allocations_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    servers bigint[]; froms timestamptz[]; tos timestamptz[];
BEGIN
    SELECT array_agg(server_id ORDER BY server_id), array_agg(lower(occupied) ORDER BY server_id),
           array_agg(upper(occupied) ORDER BY server_id)
        INTO servers, froms, tos FROM old_rows WHERE state IN ('booked', 'serving', 'cleaning');
    IF servers IS NOT NULL THEN
        PERFORM calendar_give(servers, froms, tos);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION calendar_allocations_updated() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    given bigint[]; given_froms timestamptz[]; given_tos timestamptz[];
    taken bigint[]; taken_froms timestamptz[]; taken_tos timestamptz[];
    moved bigint[]; reservations bigint[];
BEGIN
    SELECT array_agg(n.server_id) FILTER (WHERE n.server_id <> o.server_id),
           array_agg(DISTINCT n.reservation_id) FILTER (WHERE n.reservation_id <> o.reservation_id)
        INTO moved, reservations
        FROM old_rows o JOIN new_rows n USING (id)
        WHERE n.server_id <> o.server_id OR n.reservation_id <> o.reservation_id;
    IF reservations IS NOT NULL THEN
        PERFORM calendar_require_reservations(reservations);
    END IF;
    IF moved IS NOT NULL THEN
        PERFORM calendar_require_servers(moved);
    END IF;
    WITH change AS (
        SELECT o.server_id AS old_server, o.occupied AS old_occupied, n.server_id, n.occupied,
               o.state IN ('booked', 'serving', 'cleaning') AS held, n.state IN ('booked', 'serving', 'cleaning') AS holds
        FROM old_rows o JOIN new_rows n USING (id)
    ), differing AS (
        SELECT * FROM change
        WHERE held <> holds OR (holds AND (old_server <> server_id OR old_occupied <> occupied))
    )
    SELECT array_agg(old_server ORDER BY old_server) FILTER (WHERE held),
           array_agg(lower(old_occupied) ORDER BY old_server) FILTER (WHERE held),
           array_agg(upper(old_occupied) ORDER BY old_server) FILTER (WHERE held),
           array_agg(server_id ORDER BY server_id) FILTER (WHERE holds),
           array_agg(lower(occupied) ORDER BY server_id) FILTER (WHERE holds),
           array_agg(upper(occupied) ORDER BY server_id) FILTER (WHERE holds)
        INTO given, given_froms, given_tos, taken, taken_froms, taken_tos FROM differing;
    IF given IS NOT NULL THEN
        PERFORM calendar_give(given, given_froms, given_tos);
    END IF;
    IF taken IS NOT NULL THEN
        PERFORM calendar_take(taken, taken_froms, taken_tos);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER calendar_inserted AFTER INSERT ON reservations_allocation
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION calendar_allocations_inserted();
CREATE TRIGGER calendar_updated AFTER UPDATE ON reservations_allocation
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION calendar_allocations_updated();
CREATE TRIGGER calendar_deleted AFTER DELETE ON reservations_allocation
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION calendar_allocations_deleted();

CREATE FUNCTION calendar_servers_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM calendar_rebuild(ARRAY(SELECT id FROM new_rows ORDER BY id));
    RETURN NULL;
END
$$;

CREATE FUNCTION calendar_servers_updated() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moved bigint[];
BEGIN
    SELECT array_agg(n.id ORDER BY n.id) INTO moved
    FROM old_rows o JOIN new_rows n USING (id)
    WHERE (o.state IN ('available', 'deploying', 'in_use', 'releasing'))
           <> (n.state IN ('available', 'deploying', 'in_use', 'releasing'))
       OR (o.server_type_id, o.region_id, o.fabric_id, o.rack_id, o.is_spare)
           <> (n.server_type_id, n.region_id, n.fabric_id, n.rack_id, n.is_spare);
    IF moved IS NOT NULL THEN
        PERFORM calendar_rebuild(moved);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION calendar_servers_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Waits for whoever takes of their free time now; then his allocations are seen.
    PERFORM calendar_rebuild(ARRAY(SELECT id FROM old_rows ORDER BY id));
    PERFORM calendar_require_unreferred(ARRAY(SELECT id FROM old_rows), NULL);
    RETURN NULL;
END
$$;

CREATE FUNCTION calendar_reservations_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM calendar_require_unreferred(NULL, ARRAY(SELECT id FROM old_rows));
    RETURN NULL;
END
$$;

CREATE FUNCTION calendar_renumbered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'fleet_server' THEN
        PERFORM calendar_require_unreferred(ARRAY[OLD.id], NULL);
    ELSE
        PERFORM calendar_require_unreferred(NULL, ARRAY[OLD.id]);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER calendar_inserted AFTER INSERT ON fleet_server
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION calendar_servers_inserted();
CREATE TRIGGER calendar_updated AFTER UPDATE ON fleet_server
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION calendar_servers_updated();
CREATE TRIGGER calendar_deleted AFTER DELETE ON fleet_server
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION calendar_servers_deleted();
CREATE TRIGGER calendar_deleted AFTER DELETE ON reservations_reservation
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION calendar_reservations_deleted();
CREATE TRIGGER calendar_renumbered AFTER UPDATE OF id ON fleet_server
    FOR EACH ROW WHEN (OLD.id <> NEW.id) EXECUTE FUNCTION calendar_renumbered();
CREATE TRIGGER calendar_renumbered AFTER UPDATE OF id ON reservations_reservation
    FOR EACH ROW WHEN (OLD.id <> NEW.id) EXECUTE FUNCTION calendar_renumbered();
