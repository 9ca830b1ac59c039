-- Where a position lies in a grid of a twentieth of a degree, to look among neighbours only.
ALTER TABLE latest_positions ADD COLUMN cell BIGINT NOT NULL DEFAULT 0;
CREATE INDEX latest_positions_by_cell ON latest_positions (cell);

-- How a branch, and those below it, send people.
CREATE TABLE dispatch_settings (
    branch_id TEXT NOT NULL PRIMARY KEY REFERENCES branches (id),
    mode TEXT NOT NULL,
    offer_ms BIGINT NOT NULL,
    set_at BIGINT NOT NULL,
    set_by TEXT NOT NULL REFERENCES people (id)
);

-- Who is on duty or on call when (C05, C20).
CREATE TABLE shifts (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    kind TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    created_by TEXT NOT NULL REFERENCES people (id),
    cancelled_at BIGINT
);
CREATE INDEX shifts_by_person ON shifts (person_id, ends_at);
CREATE INDEX shifts_by_end ON shifts (ends_at);

-- What surveyors say of themselves: reachable or not, one row each time (C20).
CREATE TABLE duty_log (
    person_id TEXT NOT NULL REFERENCES people (id),
    said_at BIGINT NOT NULL,
    on_duty BOOLEAN NOT NULL,
    PRIMARY KEY (person_id, said_at)
);

CREATE TABLE surveyor_profiles (
    person_id TEXT NOT NULL PRIMARY KEY REFERENCES people (id),
    -- Codes separated by spaces.
    skills TEXT NOT NULL,
    vehicle_classes TEXT NOT NULL,
    -- Where they start from when nothing newer is known.
    home_lat DOUBLE PRECISION,
    home_lon DOUBLE PRECISION,
    set_at BIGINT NOT NULL,
    set_by TEXT NOT NULL REFERENCES people (id)
);

-- Whose claims a surveyor must not handle (C21).
CREATE TABLE interests (
    person_id TEXT NOT NULL REFERENCES people (id),
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    relation TEXT NOT NULL,
    declared_at BIGINT NOT NULL,
    declared_by TEXT NOT NULL REFERENCES people (id),
    PRIMARY KEY (person_id, kind, value)
);

-- What a case asks of its surveyor.
CREATE TABLE case_needs (
    case_id TEXT NOT NULL PRIMARY KEY REFERENCES cases (id),
    skill TEXT,
    vehicle_class TEXT,
    set_at BIGINT NOT NULL,
    set_by TEXT NOT NULL REFERENCES people (id)
);

-- Cases that nobody is on the way to.
CREATE TABLE case_queue (
    case_id TEXT NOT NULL PRIMARY KEY REFERENCES cases (id),
    branch_id TEXT NOT NULL REFERENCES branches (id),
    since BIGINT NOT NULL,
    -- Before this somebody must have it, or a person must have been asked.
    limit_at BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    -- 0 nobody, 1 dispatcher, 2 manager.
    escalated BIGINT NOT NULL
);
CREATE INDEX case_queue_due ON case_queue (next_at);

CREATE TABLE offers (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    surveyor_id TEXT NOT NULL REFERENCES people (id),
    status TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    answered_at BIGINT,
    estimate_ms BIGINT,
    expected_at BIGINT,
    verdict TEXT NOT NULL,
    reason TEXT
);
CREATE INDEX offers_by_case ON offers (case_id, made_at);
CREATE INDEX offers_by_surveyor ON offers (surveyor_id, made_at);
CREATE UNIQUE INDEX offers_one_open ON offers (case_id) WHERE status = 'open';
CREATE UNIQUE INDEX offers_one_each ON offers (surveyor_id) WHERE status = 'open';

-- A catastrophe with many cases (C58).
CREATE TABLE catastrophes (
    id TEXT NOT NULL PRIMARY KEY,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    name TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    -- The branch whose people, with those below it, share the work.
    shared_with TEXT NOT NULL REFERENCES branches (id),
    urban_ms BIGINT,
    other_ms BIGINT,
    reason TEXT NOT NULL,
    declared_at BIGINT NOT NULL,
    declared_by TEXT NOT NULL REFERENCES people (id)
);
CREATE INDEX catastrophes_by_end ON catastrophes (ends_at);
