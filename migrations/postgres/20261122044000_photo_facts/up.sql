-- How a photo's clocks and places fitted together, measured once: later changes of the case leave it
-- as it was.
CREATE TABLE photo_facts (
    photo_id TEXT NOT NULL PRIMARY KEY REFERENCES photos (id),
    announced_at BIGINT NOT NULL,
    -- How far the phone's clock was ahead of the server's then.
    device_ahead BIGINT,
    scene_m BIGINT,
    arrival_m BIGINT,
    -- From here on: what stands in the file, set when the bytes have arrived.
    seen_at BIGINT,
    -- Both ahead of the phone's clock.
    camera_ahead BIGINT,
    gps_ahead BIGINT,
    edited_by TEXT,
    screenshot BOOLEAN
);
