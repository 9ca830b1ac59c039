-- How a photo's clocks and places fitted together, measured once: later changes of the case leave it
-- as it was.
CREATE TABLE photo_facts (
    photo_id TEXT NOT NULL PRIMARY KEY REFERENCES photos (id),
    announced_at INTEGER NOT NULL,
    -- How far the phone's clock was ahead of the server's then.
    device_ahead INTEGER,
    scene_m INTEGER,
    arrival_m INTEGER,
    -- From here on: what stands in the file, set when the bytes have arrived.
    seen_at INTEGER,
    -- Both ahead of the phone's clock.
    camera_ahead INTEGER,
    gps_ahead INTEGER,
    edited_by TEXT,
    screenshot INTEGER
) STRICT;
