-- What webhooks may have to be told of, noted beside the event itself: only where somebody has an endpoint at all.
CREATE FUNCTION reservations_note_news() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM webhooks_endpoint WHERE state = 'enabled') THEN
        INSERT INTO reservations_news (event_id) VALUES (NEW.id);
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER reservations_news
    AFTER INSERT ON operations_operationevent
    FOR EACH ROW
    WHEN (NEW.type LIKE 'reservation.%' OR NEW.type = 'waitlist.offered')
    EXECUTE FUNCTION reservations_note_news();
