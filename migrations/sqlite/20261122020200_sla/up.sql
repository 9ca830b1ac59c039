-- Each started clock of each case, as it was folded from the log last time.
CREATE TABLE case_clocks (
    case_id TEXT NOT NULL REFERENCES cases (id),
    clock TEXT NOT NULL,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    started_at INTEGER NOT NULL,
    -- Missing while it is paused.
    limit_at INTEGER,
    provisional INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    stopped_at INTEGER,
    -- When it has to be looked at again; missing when nothing can change by itself.
    next_at INTEGER,
    folded_at INTEGER NOT NULL,
    PRIMARY KEY (case_id, clock)
) STRICT;
CREATE INDEX case_clocks_due ON case_clocks (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX case_clocks_open ON case_clocks (branch_id, limit_at) WHERE stopped_at IS NULL;
CREATE INDEX case_clocks_provisional ON case_clocks (limit_at) WHERE provisional;

-- Every limit that a clock ever had: what was promised is never silently changed (A5.3).
CREATE TABLE clock_limits (
    case_id TEXT NOT NULL REFERENCES cases (id),
    clock TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    limit_at INTEGER,
    provisional INTEGER NOT NULL,
    reason TEXT NOT NULL,
    set_at INTEGER NOT NULL,
    PRIMARY KEY (case_id, clock, ordinal)
) STRICT;

-- What somebody was told; never deleted (A5.9).
CREATE TABLE alarms (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    branch_id TEXT NOT NULL REFERENCES branches (id),
    clock TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- Who is to act: dispatcher or manager.
    audience TEXT NOT NULL,
    limit_at INTEGER,
    raised_at INTEGER NOT NULL,
    cleared_at INTEGER,
    cleared_by TEXT,
    -- How the time behind it was corrected.
    note TEXT
) STRICT;
CREATE INDEX alarms_by_case ON alarms (case_id, clock);
CREATE INDEX alarms_by_branch ON alarms (branch_id, raised_at, id);
CREATE INDEX alarms_by_time ON alarms (raised_at, id);
