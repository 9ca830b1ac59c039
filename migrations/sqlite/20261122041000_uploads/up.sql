-- Uploads that go on after a break (tus 1.0.0).
CREATE TABLE uploads (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    -- What the client said that it sends; found by the hash in the end where it said nothing.
    case_id TEXT,
    photo_id TEXT,
    sha256 TEXT,
    length INTEGER NOT NULL,
    -- How many bytes are flushed: never less than before.
    received_bytes INTEGER NOT NULL,
    metadata TEXT,
    -- Grows with every holder: what an earlier one writes late does not count.
    fence INTEGER NOT NULL,
    leased_until INTEGER,
    -- Somebody waits for the holder to let go.
    wanted INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    finished_at INTEGER,
    -- Given up, expired, or not what was declared.
    ended_at INTEGER
) STRICT;
CREATE INDEX uploads_by_person ON uploads (person_id, created_at);
CREATE INDEX uploads_by_expiry ON uploads (expires_at) WHERE finished_at IS NULL AND ended_at IS NULL;

-- The flushed parts of an unfinished upload, one after the other.
CREATE TABLE upload_parts (
    upload_id TEXT NOT NULL REFERENCES uploads (id),
    start_at INTEGER NOT NULL,
    size INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    PRIMARY KEY (upload_id, start_at)
) STRICT;
