-- While a hold stands, nothing of the case's evidence is deleted.
CREATE TABLE evidence_holds (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    reason TEXT NOT NULL,
    held_by TEXT NOT NULL REFERENCES people (id),
    held_at BIGINT NOT NULL,
    released_by TEXT,
    released_at BIGINT
);
CREATE INDEX evidence_holds_by_case ON evidence_holds (case_id, held_at);

-- Stored bytes that were found to be damaged or gone, until they are right again.
CREATE TABLE blob_faults (
    sha256 TEXT NOT NULL PRIMARY KEY REFERENCES blobs (sha256),
    -- damaged or missing
    fault TEXT NOT NULL,
    found_at BIGINT NOT NULL
);
