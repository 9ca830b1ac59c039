ALTER TABLE repair_shops ADD COLUMN lat REAL;
ALTER TABLE repair_shops ADD COLUMN lon REAL;
ALTER TABLE repair_shops ADD COLUMN hours TEXT;
-- How often it was recommended: who was named less often comes first among neighbours.
ALTER TABLE repair_shops ADD COLUMN recommended INTEGER NOT NULL DEFAULT 0;

-- Which shops were named to a customer, in which order.
CREATE TABLE shop_recommendations (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    shops TEXT NOT NULL,
    recommended_by TEXT NOT NULL REFERENCES people (id),
    recommended_at INTEGER NOT NULL
) STRICT;
CREATE INDEX shop_recommendations_by_case ON shop_recommendations (case_id, recommended_at);

CREATE TABLE repair_progress (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    shop_id TEXT NOT NULL REFERENCES repair_shops (id),
    stage TEXT NOT NULL,
    words TEXT NOT NULL,
    reported_by TEXT NOT NULL REFERENCES people (id),
    reported_at INTEGER NOT NULL
) STRICT;
CREATE INDEX repair_progress_by_case ON repair_progress (case_id, shop_id, reported_at);

-- More damage that a shop found: a task for the assessor.
CREATE TABLE supplement_requests (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    shop_id TEXT NOT NULL REFERENCES repair_shops (id),
    words TEXT NOT NULL,
    -- open, accepted, refused
    state TEXT NOT NULL,
    answer TEXT,
    requested_by TEXT NOT NULL REFERENCES people (id),
    requested_at INTEGER NOT NULL,
    answered_by TEXT REFERENCES people (id),
    answered_at INTEGER
) STRICT;
CREATE INDEX supplement_requests_by_case ON supplement_requests (case_id, requested_at);
