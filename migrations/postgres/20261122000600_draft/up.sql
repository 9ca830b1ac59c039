-- The shared draft of a case. The change log is the truth; snapshots are copies that can be made anew.
CREATE TABLE case_draft (
    case_id TEXT NOT NULL PRIMARY KEY REFERENCES cases (id),
    -- Counted up when the case gets a new draft document.
    epoch BIGINT NOT NULL,
    -- The last number of the change log. Whoever appends sets it from the value they have read.
    lsn BIGINT NOT NULL,
    -- Change hashes in this migration: 32 bytes each, one after the other, in ascending order.
    heads BYTEA NOT NULL,
    max_op BIGINT NOT NULL,
    snapshot_lsn BIGINT NOT NULL,
    -- Bytes of the changes after the last snapshot.
    tail_bytes BIGINT NOT NULL,
    -- The version that is approved; later changes enter the draft and leave it as it is.
    approved_heads BYTEA,
    approved_sha256 BYTEA,
    opened_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);

-- Who may append under which actor id. An actor belongs to one person, one install and one case.
CREATE TABLE draft_actor (
    actor BYTEA NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    -- 'device'; 'server' writes for a person; 'seed' wrote the first change.
    kind TEXT NOT NULL,
    person_id TEXT REFERENCES people (id),
    install_id TEXT,
    device_id TEXT REFERENCES devices (id),
    -- The Idempotency-Key it was issued under, so that a retry gets the same actor.
    issue_key TEXT,
    issued_at BIGINT NOT NULL,
    revoked_at BIGINT,
    UNIQUE (person_id, issue_key)
);
CREATE INDEX draft_actor_by_case ON draft_actor (case_id, person_id);

-- Append-only.
CREATE TABLE draft_change (
    case_id TEXT NOT NULL REFERENCES case_draft (case_id),
    lsn BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    actor BYTEA NOT NULL REFERENCES draft_actor (actor),
    seq BIGINT NOT NULL,
    deps BYTEA NOT NULL,
    start_op BIGINT NOT NULL,
    max_op BIGINT NOT NULL,
    -- By the device's clock: evidence, never used in a merge.
    client_time BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    person_id TEXT REFERENCES people (id),
    device_id TEXT,
    push_id TEXT,
    size BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (case_id, lsn),
    UNIQUE (case_id, hash),
    UNIQUE (case_id, actor, seq)
);

-- The last two of each case.
CREATE TABLE draft_snapshot (
    case_id TEXT NOT NULL REFERENCES case_draft (case_id),
    lsn BIGINT NOT NULL,
    heads BYTEA NOT NULL,
    bytes BYTEA NOT NULL,
    sha256 BYTEA NOT NULL,
    verified_at BIGINT NOT NULL,
    PRIMARY KEY (case_id, lsn)
);

-- Answers to pushes that appended something, for retries.
CREATE TABLE draft_push (
    person_id TEXT NOT NULL REFERENCES people (id),
    push_id TEXT NOT NULL,
    case_id TEXT NOT NULL REFERENCES case_draft (case_id),
    actor BYTEA NOT NULL REFERENCES draft_actor (actor),
    request_sha256 BYTEA NOT NULL,
    response BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (person_id, push_id)
);
CREATE INDEX draft_push_by_age ON draft_push (created_at);

-- Refused bytes, kept for whoever looks into it. Nothing of them is in the draft.
CREATE TABLE draft_quarantine (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES case_draft (case_id),
    actor BYTEA NOT NULL REFERENCES draft_actor (actor),
    person_id TEXT NOT NULL REFERENCES people (id),
    push_id TEXT NOT NULL,
    change_hash BYTEA,
    rule TEXT NOT NULL,
    path TEXT,
    detail TEXT NOT NULL,
    -- The refused change and all that follow it in the push.
    bytes BYTEA NOT NULL,
    bytes_sha256 BYTEA NOT NULL,
    size BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    decided_at BIGINT,
    decided_by TEXT REFERENCES people (id),
    decision TEXT,
    UNIQUE (case_id, actor, bytes_sha256)
);

-- Concurrent values that differ, and who settled them.
CREATE TABLE draft_conflict (
    case_id TEXT NOT NULL REFERENCES case_draft (case_id),
    path TEXT NOT NULL,
    opened_lsn BIGINT NOT NULL,
    -- plain, money, liability or identity.
    concern TEXT NOT NULL,
    -- The values with operations, changes and actors, as the phone gets them.
    content TEXT NOT NULL,
    -- The last number under which the values changed.
    changed_lsn BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    resolved_lsn BIGINT,
    resolved_by TEXT REFERENCES people (id),
    resolved_at BIGINT,
    -- Why, where the settled value was none of those that stood there.
    reason TEXT,
    PRIMARY KEY (case_id, path, opened_lsn)
);
