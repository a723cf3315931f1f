-- Whoever writes allocations or servers, the calendar follows in the same statement.

CREATE FUNCTION calendar_allocations_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    servers bigint[]; froms timestamptz[]; tos timestamptz[];
BEGIN
    SELECT array_agg(server_id ORDER BY server_id), array_agg(lower(occupied) ORDER BY server_id),
           array_agg(upper(occupied) ORDER BY server_id)
        INTO servers, froms, tos FROM new_rows WHERE state IN ('booked', 'serving', 'cleaning');
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
BEGIN
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
    PERFORM calendar_rebuild(ARRAY(SELECT id FROM old_rows ORDER BY id));
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

SELECT calendar_rebuild(ARRAY(SELECT id FROM fleet_server ORDER BY id));
