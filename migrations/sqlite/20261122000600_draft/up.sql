-- The shared draft of a case. The change log is the truth; snapshots are copies that can be made anew.
CREATE TABLE case_draft (
    case_id TEXT NOT NULL PRIMARY KEY REFERENCES cases (id),
    -- Counted up when the case gets a new draft document.
    epoch INTEGER NOT NULL,
    -- The last number of the change log. Whoever appends sets it from the value they have read.
    lsn INTEGER NOT NULL,
    -- Change hashes in this migration: 32 bytes each, one after the other, in ascending order.
    heads BLOB NOT NULL,
    max_op INTEGER NOT NULL,
    snapshot_lsn INTEGER NOT NULL,
    -- Bytes of the changes after the last snapshot.
    tail_bytes INTEGER NOT NULL,
    -- The version that is approved; later changes enter the draft and leave it as it is.
    approved_heads BLOB,
    approved_sha256 BLOB,
    opened_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

-- Who may append under which actor id. An actor belongs to one person, one install and one case.
CREATE TABLE draft_actor (
    actor BLOB NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    -- 'device'; 'server' writes for a person; 'seed' wrote the first change.
    kind TEXT NOT NULL,
    person_id TEXT REFERENCES people (id),
    install_id TEXT,
    device_id TEXT REFERENCES devices (id),
    -- The Idempotency-Key it was issued under, so that a retry gets the same actor.
    issue_key TEXT,
    issued_at INTEGER NOT NULL,
    revoked_at INTEGER,
    UNIQUE (person_id, issue_key)
) STRICT;
CREATE INDEX draft_actor_by_case ON draft_actor (case_id, person_id);

-- Append-only.
CREATE TABLE draft_change (
    case_id TEXT NOT NULL REFERENCES case_draft (case_id),
    lsn INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    hash BLOB NOT NULL,
    actor BLOB NOT NULL REFERENCES draft_actor (actor),
    seq INTEGER NOT NULL,
    deps BLOB NOT NULL,
    start_op INTEGER NOT NULL,
    max_op INTEGER NOT NULL,
    -- By the device's clock: evidence, never used in a merge.
    client_time INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    person_id TEXT REFERENCES people (id),
    device_id TEXT,
    push_id TEXT,
    size INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (case_id, lsn),
    UNIQUE (case_id, hash),
    UNIQUE (case_id, actor, seq)
) STRICT;

-- The last two of each case.
CREATE TABLE draft_snapshot (
    case_id TEXT NOT NULL REFERENCES case_draft (case_id),
    lsn INTEGER NOT NULL,
    heads BLOB NOT NULL,
    bytes BLOB NOT NULL,
    sha256 BLOB NOT NULL,
    verified_at INTEGER NOT NULL,
    PRIMARY KEY (case_id, lsn)
) STRICT;

-- Answers to pushes that appended something, for retries.
CREATE TABLE draft_push (
    person_id TEXT NOT NULL REFERENCES people (id),
    push_id TEXT NOT NULL,
    case_id TEXT NOT NULL REFERENCES case_draft (case_id),
    actor BLOB NOT NULL REFERENCES draft_actor (actor),
    request_sha256 BLOB NOT NULL,
    response BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (person_id, push_id)
) STRICT;
CREATE INDEX draft_push_by_age ON draft_push (created_at);

-- Refused bytes, kept for whoever looks into it. Nothing of them is in the draft.
CREATE TABLE draft_quarantine (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES case_draft (case_id),
    actor BLOB NOT NULL REFERENCES draft_actor (actor),
    person_id TEXT NOT NULL REFERENCES people (id),
    push_id TEXT NOT NULL,
    change_hash BLOB,
    rule TEXT NOT NULL,
    path TEXT,
    detail TEXT NOT NULL,
    -- The refused change and all that follow it in the push.
    bytes BLOB NOT NULL,
    bytes_sha256 BLOB NOT NULL,
    size INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    decided_at INTEGER,
    decided_by TEXT REFERENCES people (id),
    decision TEXT,
    UNIQUE (case_id, actor, bytes_sha256)
) STRICT;

-- Concurrent values that differ, and who settled them.
CREATE TABLE draft_conflict (
    case_id TEXT NOT NULL REFERENCES case_draft (case_id),
    path TEXT NOT NULL,
    opened_lsn INTEGER NOT NULL,
    -- plain, money, liability or identity.
    concern TEXT NOT NULL,
    -- The values with operations, changes and actors, as the phone gets them.
    content TEXT NOT NULL,
    -- The last number under which the values changed.
    changed_lsn INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    resolved_lsn INTEGER,
    resolved_by TEXT REFERENCES people (id),
    resolved_at INTEGER,
    -- Why, where the settled value was none of those that stood there.
    reason TEXT,
    PRIMARY KEY (case_id, path, opened_lsn)
) STRICT;
