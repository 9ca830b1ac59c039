-- One import of zones; older ones stay, because they judged cases (A5.6).
CREATE TABLE zone_sets (
    id TEXT NOT NULL PRIMARY KEY,
    -- Counts up over all branches, so that one number names the zones that judged a case.
    version BIGINT NOT NULL UNIQUE,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    imported_at BIGINT NOT NULL,
    imported_by TEXT NOT NULL REFERENCES people (id)
);
CREATE INDEX zone_sets_by_branch ON zone_sets (branch_id, version);

CREATE TABLE zones (
    set_id TEXT NOT NULL REFERENCES zone_sets (id),
    ordinal BIGINT NOT NULL,
    name TEXT NOT NULL,
    class TEXT NOT NULL,
    vertices BIGINT NOT NULL,
    -- Polygons of rings of [longitude, latitude] in JSON, WGS-84.
    shape TEXT NOT NULL,
    PRIMARY KEY (set_id, ordinal)
);

-- Where surveyors' phones were. Sensitive: pruned by age.
CREATE TABLE positions (
    person_id TEXT NOT NULL REFERENCES people (id),
    -- By the phone's own clock: the same point sent twice is one row.
    device_at BIGINT NOT NULL,
    measured_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    lat DOUBLE PRECISION NOT NULL,
    lon DOUBLE PRECISION NOT NULL,
    accuracy_m DOUBLE PRECISION,
    mock BOOLEAN NOT NULL,
    PRIMARY KEY (person_id, device_at)
);
CREATE INDEX positions_by_age ON positions (received_at);

-- The newest useful position of each surveyor.
CREATE TABLE latest_positions (
    person_id TEXT NOT NULL PRIMARY KEY REFERENCES people (id),
    measured_at BIGINT NOT NULL,
    lat DOUBLE PRECISION NOT NULL,
    lon DOUBLE PRECISION NOT NULL,
    accuracy_m DOUBLE PRECISION
);

CREATE TABLE tasks (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    surveyor_id TEXT NOT NULL REFERENCES people (id),
    status TEXT NOT NULL,
    -- What decides the arrival limit, and the zones that said so; none where no zones are imported.
    zone_class TEXT NOT NULL,
    zone_version BIGINT,
    estimate_ms BIGINT,
    assigned_by TEXT NOT NULL REFERENCES people (id),
    assigned_at BIGINT NOT NULL,
    answered_at BIGINT,
    ended_at BIGINT,
    -- Why it was declined or withdrawn.
    reason TEXT,
    version BIGINT NOT NULL
);
CREATE INDEX tasks_by_case ON tasks (case_id, assigned_at);
CREATE INDEX tasks_by_surveyor ON tasks (surveyor_id, assigned_at, id);
CREATE INDEX tasks_by_assignment ON tasks (assigned_at, id);
-- A case waits for one surveyor at a time.
CREATE UNIQUE INDEX tasks_one_open ON tasks (case_id) WHERE status IN ('assigned', 'accepted');
