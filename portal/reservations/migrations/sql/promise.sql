-- What is booked without a contract has the default service level. Here and not where it is booked: no booking asks for it.

CREATE FUNCTION reservation_default_tier() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.sla_tier_id := (SELECT id FROM catalog_slatier WHERE is_default);
    RETURN NEW;
END
$$;

CREATE TRIGGER reservation_has_promise BEFORE INSERT ON reservations_reservation
    FOR EACH ROW WHEN (NEW.sla_tier_id IS NULL) EXECUTE FUNCTION reservation_default_tier();
