-- The newest frozen version: what is written later amends it. Closed drafts get a new document once.
ALTER TABLE case_draft ADD COLUMN frozen_heads BLOB;
ALTER TABLE case_draft ADD COLUMN frozen_sha256 BLOB;
ALTER TABLE case_draft ADD COLUMN renewed_lsn INTEGER;

-- What device keys signed for pushes; kept as long as the changes are.
CREATE TABLE draft_signature (
    person_id TEXT NOT NULL REFERENCES people (id),
    push_id TEXT NOT NULL,
    case_id TEXT NOT NULL REFERENCES case_draft (case_id),
    device_id TEXT NOT NULL REFERENCES devices (id),
    -- The whole text that was signed.
    signed TEXT NOT NULL,
    signature BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (person_id, push_id)
) STRICT;
CREATE INDEX draft_signature_by_case ON draft_signature (case_id);

-- Work of somebody who was not sent to the case any more when it came in: held beside the draft until
-- whoever works on it now takes it over.
CREATE TABLE draft_late (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES case_draft (case_id),
    actor BLOB NOT NULL REFERENCES draft_actor (actor),
    epoch INTEGER NOT NULL,
    person_id TEXT NOT NULL REFERENCES people (id),
    device_id TEXT,
    -- 'held', 'taken' in whole, or 'closed' when no more of it is wanted.
    state TEXT NOT NULL,
    last_seq INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    decided_at INTEGER,
    decided_by TEXT REFERENCES people (id),
    UNIQUE (case_id, actor)
) STRICT;

CREATE TABLE draft_late_change (
    late_id TEXT NOT NULL REFERENCES draft_late (id),
    seq INTEGER NOT NULL,
    case_id TEXT NOT NULL,
    hash BLOB NOT NULL,
    deps BLOB NOT NULL,
    client_time INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    push_id TEXT NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (late_id, seq),
    UNIQUE (case_id, hash)
) STRICT;

-- Which places of late work were taken over one by one.
CREATE TABLE draft_late_taken (
    late_id TEXT NOT NULL REFERENCES draft_late (id),
    path TEXT NOT NULL,
    lsn INTEGER NOT NULL,
    taken_by TEXT NOT NULL REFERENCES people (id),
    taken_at INTEGER NOT NULL,
    PRIMARY KEY (late_id, path, lsn)
) STRICT;

-- Pushes that came after a version was frozen, agreed or closed, with what they changed.
CREATE TABLE draft_amendment (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES case_draft (case_id),
    -- 'frozen', 'approved' or 'closed'.
    amends TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    from_lsn INTEGER NOT NULL,
    to_lsn INTEGER NOT NULL,
    person_id TEXT NOT NULL REFERENCES people (id),
    device_id TEXT,
    push_id TEXT NOT NULL,
    -- Fields with their values before and after.
    difference TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    -- When a newer version took it up.
    covered_at INTEGER,
    UNIQUE (case_id, from_lsn)
) STRICT;

-- Who handed refused bytes in, and why it was decided so.
ALTER TABLE draft_quarantine ADD COLUMN device_id TEXT;
ALTER TABLE draft_quarantine ADD COLUMN signature BLOB;
ALTER TABLE draft_quarantine ADD COLUMN reason TEXT;
CREATE INDEX draft_quarantine_by_age ON draft_quarantine (received_at, id);
