-- Every act on evidence, per case: append-only, each entry holding the hash of the one before.
CREATE TABLE custody_entries (
    case_id TEXT NOT NULL REFERENCES cases (id),
    -- From 1 without gaps.
    seq BIGINT NOT NULL,
    -- 64 lower-case hexadecimal digits; 64 zeros before the first entry.
    previous TEXT NOT NULL,
    act TEXT NOT NULL,
    -- A person's id, customer or system.
    actor TEXT NOT NULL,
    device_id TEXT,
    at BIGINT NOT NULL,
    -- A photo's id, a content's hash, or a dash.
    subject TEXT NOT NULL,
    -- JSON, to the byte as it was hashed.
    data TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (case_id, seq)
);
CREATE INDEX custody_entries_by_subject ON custody_entries (case_id, subject, act, actor, seq);

-- The newest entry of each case, signed, and how much of the case the last checkpoint covers.
CREATE TABLE custody_heads (
    case_id TEXT NOT NULL PRIMARY KEY REFERENCES cases (id),
    seq BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    at BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    -- Ed25519, base64url without padding.
    signature TEXT NOT NULL,
    covered_seq BIGINT NOT NULL
);
CREATE INDEX custody_heads_uncovered ON custody_heads (case_id) WHERE seq > covered_seq;

-- Signed roots over the heads that had changed, chained to each other.
CREATE TABLE custody_checkpoints (
    number BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    previous TEXT NOT NULL,
    root TEXT NOT NULL,
    heads BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    signature TEXT NOT NULL
);

-- The leaves of each checkpoint's tree.
CREATE TABLE custody_checkpoint_heads (
    number BIGINT NOT NULL REFERENCES custody_checkpoints (number),
    case_id TEXT NOT NULL REFERENCES cases (id),
    seq BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (number, case_id)
);
CREATE INDEX custody_checkpoint_heads_by_case ON custody_checkpoint_heads (case_id, number);
