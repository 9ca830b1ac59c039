-- One import of zones; older ones stay, because they judged cases (A5.6).
CREATE TABLE zone_sets (
    id TEXT NOT NULL PRIMARY KEY,
    -- Counts up over all branches, so that one number names the zones that judged a case.
    version INTEGER NOT NULL UNIQUE,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    imported_at INTEGER NOT NULL,
    imported_by TEXT NOT NULL REFERENCES people (id)
) STRICT;
CREATE INDEX zone_sets_by_branch ON zone_sets (branch_id, version);

CREATE TABLE zones (
    set_id TEXT NOT NULL REFERENCES zone_sets (id),
    ordinal INTEGER NOT NULL,
    name TEXT NOT NULL,
    class TEXT NOT NULL,
    vertices INTEGER NOT NULL,
    -- Polygons of rings of [longitude, latitude] in JSON, WGS-84.
    shape TEXT NOT NULL,
    PRIMARY KEY (set_id, ordinal)
) STRICT;

-- Where surveyors' phones were. Sensitive: pruned by age.
CREATE TABLE positions (
    person_id TEXT NOT NULL REFERENCES people (id),
    -- By the phone's own clock: the same point sent twice is one row.
    device_at INTEGER NOT NULL,
    measured_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    lat REAL NOT NULL,
    lon REAL NOT NULL,
    accuracy_m REAL,
    mock INTEGER NOT NULL,
    PRIMARY KEY (person_id, device_at)
) STRICT;
CREATE INDEX positions_by_age ON positions (received_at);

-- The newest useful position of each surveyor.
CREATE TABLE latest_positions (
    person_id TEXT NOT NULL PRIMARY KEY REFERENCES people (id),
    measured_at INTEGER NOT NULL,
    lat REAL NOT NULL,
    lon REAL NOT NULL,
    accuracy_m REAL
) STRICT;

CREATE TABLE tasks (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    surveyor_id TEXT NOT NULL REFERENCES people (id),
    status TEXT NOT NULL,
    -- What decides the arrival limit, and the zones that said so; none where no zones are imported.
    zone_class TEXT NOT NULL,
    zone_version INTEGER,
    estimate_ms INTEGER,
    assigned_by TEXT NOT NULL REFERENCES people (id),
    assigned_at INTEGER NOT NULL,
    answered_at INTEGER,
    ended_at INTEGER,
    -- Why it was declined or withdrawn.
    reason TEXT,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX tasks_by_case ON tasks (case_id, assigned_at);
CREATE INDEX tasks_by_surveyor ON tasks (surveyor_id, assigned_at, id);
CREATE INDEX tasks_by_assignment ON tasks (assigned_at, id);
-- A case waits for one surveyor at a time.
CREATE UNIQUE INDEX tasks_one_open ON tasks (case_id) WHERE status IN ('assigned', 'accepted');
