-- When somebody who is on the way is expected, from their newest position.
CREATE TABLE task_etas (
    task_id TEXT NOT NULL PRIMARY KEY REFERENCES tasks (id),
    position_at INTEGER NOT NULL,
    expected_at INTEGER NOT NULL,
    uncertainty_ms INTEGER NOT NULL,
    source TEXT NOT NULL,
    -- When it was said that they will be late.
    warned_at INTEGER
) STRICT;

-- Trips that were estimated and driven.
CREATE TABLE trips (
    task_id TEXT NOT NULL PRIMARY KEY REFERENCES tasks (id),
    branch_id TEXT NOT NULL REFERENCES branches (id),
    lat REAL NOT NULL,
    lon REAL NOT NULL,
    began_at INTEGER NOT NULL,
    straight_ms INTEGER NOT NULL,
    estimate_ms INTEGER,
    actual_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX trips_by_time ON trips (began_at);

-- Links on which customers see the surveyor approach.
CREATE TABLE trackings (
    id TEXT NOT NULL PRIMARY KEY,
    -- SHA-256 of the token: the table is of no use to a thief.
    token_sha256 BLOB NOT NULL UNIQUE,
    task_id TEXT NOT NULL REFERENCES tasks (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX trackings_by_task ON trackings (task_id);

-- What units write to each other about a case, so that the customer carries no messages (C46).
CREATE TABLE unit_messages (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    branch_id TEXT NOT NULL REFERENCES branches (id),
    person_id TEXT NOT NULL REFERENCES people (id),
    text TEXT NOT NULL,
    sent_at INTEGER NOT NULL
) STRICT;
CREATE INDEX unit_messages_by_case ON unit_messages (case_id, sent_at);

-- Which unit surveys for us (C11).
CREATE TABLE proxies (
    case_id TEXT NOT NULL PRIMARY KEY REFERENCES cases (id),
    unit TEXT NOT NULL,
    branch_id TEXT REFERENCES branches (id),
    contact_name TEXT NOT NULL,
    contact_phone TEXT NOT NULL,
    arranged_at INTEGER NOT NULL,
    arranged_by TEXT NOT NULL REFERENCES people (id)
) STRICT;

-- What units owe each other. There is no column for a customer: they never pay it (C48).
CREATE TABLE unit_fees (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    creditor_id TEXT NOT NULL REFERENCES branches (id),
    debtor_id TEXT NOT NULL REFERENCES branches (id),
    amount_fen INTEGER NOT NULL,
    reason TEXT NOT NULL,
    entered_at INTEGER NOT NULL,
    entered_by TEXT NOT NULL REFERENCES people (id)
) STRICT;
CREATE INDEX unit_fees_by_case ON unit_fees (case_id);

-- Help for vehicles that cannot move (C17).
CREATE TABLE rescues (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    provider TEXT NOT NULL,
    fee_fen INTEGER NOT NULL,
    payer TEXT NOT NULL,
    offered_at INTEGER NOT NULL,
    answer TEXT,
    answered_at INTEGER,
    called_at INTEGER
) STRICT;
CREATE INDEX rescues_by_case ON rescues (case_id);
