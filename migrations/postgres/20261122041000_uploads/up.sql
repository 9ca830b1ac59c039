-- Uploads that go on after a break (tus 1.0.0).
CREATE TABLE uploads (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    -- What the client said that it sends; found by the hash in the end where it said nothing.
    case_id TEXT,
    photo_id TEXT,
    sha256 TEXT,
    length BIGINT NOT NULL,
    -- How many bytes are flushed: never less than before.
    received_bytes BIGINT NOT NULL,
    metadata TEXT,
    -- Grows with every holder: what an earlier one writes late does not count.
    fence BIGINT NOT NULL,
    leased_until BIGINT,
    -- Somebody waits for the holder to let go.
    wanted BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    finished_at BIGINT,
    -- Given up, expired, or not what was declared.
    ended_at BIGINT
);
CREATE INDEX uploads_by_person ON uploads (person_id, created_at);
CREATE INDEX uploads_by_expiry ON uploads (expires_at) WHERE finished_at IS NULL AND ended_at IS NULL;

-- The flushed parts of an unfinished upload, one after the other.
CREATE TABLE upload_parts (
    upload_id TEXT NOT NULL REFERENCES uploads (id),
    start_at BIGINT NOT NULL,
    size BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    PRIMARY KEY (upload_id, start_at)
);
