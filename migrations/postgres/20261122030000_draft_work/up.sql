-- The newest frozen version: what is written later amends it. Closed drafts get a new document once.
ALTER TABLE case_draft ADD COLUMN frozen_heads BYTEA;
ALTER TABLE case_draft ADD COLUMN frozen_sha256 BYTEA;
ALTER TABLE case_draft ADD COLUMN renewed_lsn BIGINT;

-- What device keys signed for pushes; kept as long as the changes are.
CREATE TABLE draft_signature (
    person_id TEXT NOT NULL REFERENCES people (id),
    push_id TEXT NOT NULL,
    case_id TEXT NOT NULL REFERENCES case_draft (case_id),
    device_id TEXT NOT NULL REFERENCES devices (id),
    -- The whole text that was signed.
    signed TEXT NOT NULL,
    signature BYTEA NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (person_id, push_id)
);
CREATE INDEX draft_signature_by_case ON draft_signature (case_id);

-- Work of somebody who was not sent to the case any more when it came in: held beside the draft until
-- whoever works on it now takes it over.
CREATE TABLE draft_late (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES case_draft (case_id),
    actor BYTEA NOT NULL REFERENCES draft_actor (actor),
    epoch BIGINT NOT NULL,
    person_id TEXT NOT NULL REFERENCES people (id),
    device_id TEXT,
    -- 'held', 'taken' in whole, or 'closed' when no more of it is wanted.
    state TEXT NOT NULL,
    last_seq BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    decided_at BIGINT,
    decided_by TEXT REFERENCES people (id),
    UNIQUE (case_id, actor)
);

CREATE TABLE draft_late_change (
    late_id TEXT NOT NULL REFERENCES draft_late (id),
    seq BIGINT NOT NULL,
    case_id TEXT NOT NULL,
    hash BYTEA NOT NULL,
    deps BYTEA NOT NULL,
    client_time BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    push_id TEXT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (late_id, seq),
    UNIQUE (case_id, hash)
);

-- Which places of late work were taken over one by one.
CREATE TABLE draft_late_taken (
    late_id TEXT NOT NULL REFERENCES draft_late (id),
    path TEXT NOT NULL,
    lsn BIGINT NOT NULL,
    taken_by TEXT NOT NULL REFERENCES people (id),
    taken_at BIGINT NOT NULL,
    PRIMARY KEY (late_id, path, lsn)
);

-- Pushes that came after a version was frozen, agreed or closed, with what they changed.
CREATE TABLE draft_amendment (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES case_draft (case_id),
    -- 'frozen', 'approved' or 'closed'.
    amends TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    from_lsn BIGINT NOT NULL,
    to_lsn BIGINT NOT NULL,
    person_id TEXT NOT NULL REFERENCES people (id),
    device_id TEXT,
    push_id TEXT NOT NULL,
    -- Fields with their values before and after.
    difference TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    -- When a newer version took it up.
    covered_at BIGINT,
    UNIQUE (case_id, from_lsn)
);

-- Who handed refused bytes in, and why it was decided so.
ALTER TABLE draft_quarantine ADD COLUMN device_id TEXT;
ALTER TABLE draft_quarantine ADD COLUMN signature BYTEA;
ALTER TABLE draft_quarantine ADD COLUMN reason TEXT;
CREATE INDEX draft_quarantine_by_age ON draft_quarantine (received_at, id);
