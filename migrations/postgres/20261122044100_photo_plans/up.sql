-- Which photos each kind of accident needs, version by version; none is ever changed. A case keeps the
-- one that was in force when it was reported.
CREATE TABLE photo_plans (
    version BIGINT NOT NULL PRIMARY KEY,
    note TEXT NOT NULL,
    -- JSON: for each kind of accident its slots.
    plans TEXT NOT NULL,
    -- Not before the newest case, so that no import changes what a case began with.
    imported_at BIGINT NOT NULL,
    imported_by TEXT NOT NULL REFERENCES people (id)
);
