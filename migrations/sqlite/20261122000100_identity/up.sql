-- One row: what the readiness probe writes to.
CREATE TABLE instance (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    probes INTEGER NOT NULL
) STRICT;
INSERT INTO instance (id, probes) VALUES (1, 0);

CREATE TABLE branches (
    id TEXT NOT NULL PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    parent_id TEXT REFERENCES branches (id),
    -- '/head/province/city/': a branch covers every path that begins with its own.
    path TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE people (
    id TEXT NOT NULL PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    staff_no TEXT UNIQUE,
    phone TEXT,
    password_hash TEXT NOT NULL,
    -- Role codes separated by spaces.
    roles TEXT NOT NULL,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    shop_id TEXT,
    disabled_at INTEGER,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX people_by_branch ON people (branch_id);

CREATE TABLE devices (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    -- Ed25519 public key, 32 bytes.
    public_key BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    platform TEXT NOT NULL,
    enrolled_at INTEGER NOT NULL,
    revoked_at INTEGER,
    revoked_by TEXT,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX devices_by_person ON devices (person_id);

CREATE TABLE refresh_tokens (
    -- SHA-256 of the token: the table is of no use to a thief.
    token_hash BLOB NOT NULL PRIMARY KEY,
    family_id TEXT NOT NULL,
    person_id TEXT NOT NULL REFERENCES people (id),
    device_id TEXT NOT NULL REFERENCES devices (id),
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    revoked_at INTEGER
) STRICT;
CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family_id);
CREATE INDEX refresh_tokens_by_device ON refresh_tokens (device_id);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

CREATE TABLE login_throttle (
    -- '<scope>:<hash>': neither user names nor addresses can be read from it.
    subject TEXT NOT NULL PRIMARY KEY,
    -- The evaluated guesses of the last hour, in milliseconds, separated by spaces; at most 100.
    guesses TEXT NOT NULL,
    latest_at INTEGER NOT NULL
) STRICT;
CREATE INDEX login_throttle_by_age ON login_throttle (latest_at);
