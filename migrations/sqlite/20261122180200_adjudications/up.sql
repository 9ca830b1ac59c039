-- What a claim was adjudicated at, on exactly which verified version, by which clauses (C33).
CREATE TABLE adjudications (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    version_id TEXT NOT NULL REFERENCES assessment_versions (id),
    amount_fen INTEGER NOT NULL,
    -- What was verified of the version.
    verified_fen INTEGER NOT NULL,
    -- By how much it raises what was adjudicated of the case before.
    increase_fen INTEGER NOT NULL,
    -- A JSON list of texts.
    clauses TEXT NOT NULL,
    -- Why less than was verified.
    reason TEXT,
    assessor_id TEXT NOT NULL REFERENCES people (id),
    shop_id TEXT REFERENCES repair_shops (id),
    authority_version INTEGER,
    decided_by TEXT NOT NULL REFERENCES people (id),
    decided_at INTEGER NOT NULL
) STRICT;
CREATE INDEX adjudications_by_case ON adjudications (case_id, decided_at);
CREATE INDEX adjudications_by_shop ON adjudications (shop_id, decided_at);
CREATE INDEX adjudications_by_pair ON adjudications (decided_by, assessor_id, decided_at);
