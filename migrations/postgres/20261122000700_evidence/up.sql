-- What was announced for a case, row by row before any byte arrives, and whether it came.
CREATE TABLE photos (
    -- Made by the phone, so that a retry names the same photo.
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    -- 64 lower-case hexadecimal digits, here and in blobs.
    sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    slot TEXT NOT NULL,
    -- By the phone's own clock.
    captured_at BIGINT NOT NULL,
    lat DOUBLE PRECISION,
    lon DOUBLE PRECISION,
    accuracy_m DOUBLE PRECISION,
    mock BOOLEAN,
    line_id TEXT,
    declared_at BIGINT NOT NULL,
    declared_by TEXT NOT NULL REFERENCES people (id),
    device_id TEXT,
    -- Set when the bytes were flushed under their hash, for this case.
    received_at BIGINT,
    received_by TEXT
);
CREATE INDEX photos_by_case ON photos (case_id, declared_at, id);
CREATE INDEX photos_by_content ON photos (sha256, case_id);

-- What the stored bytes are, once for all cases. Never says which case they came from.
CREATE TABLE blobs (
    sha256 TEXT NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL,
    media_type TEXT NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    -- JSON: what the camera wrote into the file.
    camera TEXT NOT NULL,
    stored_at BIGINT NOT NULL
);
