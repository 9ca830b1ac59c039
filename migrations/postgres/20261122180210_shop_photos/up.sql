-- Photos of a case that its repair shop sent: of more damage that it found, or of the finished repair.
CREATE TABLE shop_photos (
    photo_id TEXT NOT NULL PRIMARY KEY REFERENCES photos (id),
    case_id TEXT NOT NULL REFERENCES cases (id),
    shop_id TEXT NOT NULL REFERENCES repair_shops (id),
    -- The request that it belongs to; without one it shows the repair.
    supplement_id TEXT REFERENCES supplement_requests (id)
);
CREATE INDEX shop_photos_by_case ON shop_photos (case_id, shop_id);
-- What waits for an assessor, oldest first.
CREATE INDEX supplement_requests_by_state ON supplement_requests (state, requested_at);
