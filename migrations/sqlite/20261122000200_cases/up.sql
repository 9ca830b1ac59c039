CREATE TABLE cases (
    id TEXT NOT NULL PRIMARY KEY,
    report_no TEXT NOT NULL UNIQUE,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    status TEXT NOT NULL,
    customer_name TEXT NOT NULL,
    contact_name TEXT NOT NULL,
    contact_phone TEXT NOT NULL,
    plate TEXT NOT NULL,
    vin TEXT,
    policy_no TEXT,
    loss_at INTEGER NOT NULL,
    loss_place TEXT NOT NULL,
    lat REAL,
    lon REAL,
    accuracy_m REAL,
    description TEXT,
    injured INTEGER NOT NULL,
    drivable INTEGER,
    -- The promise profile the case was opened under, for its whole life.
    promise_code TEXT NOT NULL,
    promise_version INTEGER NOT NULL,
    reported_at INTEGER NOT NULL,
    reported_by TEXT NOT NULL REFERENCES people (id),
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX cases_by_report ON cases (reported_at, id);
CREATE INDEX cases_by_branch ON cases (branch_id, reported_at, id);
CREATE INDEX cases_by_plate ON cases (plate, loss_at);
CREATE INDEX cases_by_phone ON cases (contact_phone);

-- Append-only: what happened to each case, in the order the server learned of it.
CREATE TABLE case_events (
    -- Made by whoever saw it happen, so that a retry is the same event.
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    -- A person's id, 'customer' or 'system'.
    actor TEXT NOT NULL,
    device_id TEXT,
    -- By the device's own clock, if a device saw it.
    device_at INTEGER,
    -- Corrected by the measured offset of that clock.
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    data TEXT NOT NULL,
    UNIQUE (case_id, seq)
) STRICT;

CREATE TABLE idempotency_keys (
    -- Who used the key: another person's same key is another key.
    actor TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_sha256 BLOB NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (actor, idempotency_key)
) STRICT;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- Who was sent to a case, and so may see it and deliver work for it.
CREATE TABLE case_people (
    case_id TEXT NOT NULL REFERENCES cases (id),
    person_id TEXT NOT NULL REFERENCES people (id),
    since INTEGER NOT NULL,
    -- Set when somebody else was sent instead: late work still lands.
    until INTEGER,
    PRIMARY KEY (case_id, person_id)
) STRICT;
CREATE INDEX case_people_by_person ON case_people (person_id, case_id);
