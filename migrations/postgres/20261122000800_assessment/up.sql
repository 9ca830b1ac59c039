-- Frozen loss sheets. A row never changes: what comes after is a version of its own.
CREATE TABLE assessment_versions (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    number BIGINT NOT NULL,
    -- The draft's heads it was made from, separated by spaces.
    heads TEXT NOT NULL,
    draft_sha256 BYTEA NOT NULL,
    -- The exact bytes that are shown, hashed and agreed on.
    sheet BYTEA NOT NULL,
    sheet_sha256 BYTEA NOT NULL,
    total_fen BIGINT NOT NULL,
    rescue_fen BIGINT NOT NULL,
    uncovered_fen BIGINT NOT NULL,
    self_borne_fen BIGINT NOT NULL,
    note TEXT,
    author TEXT NOT NULL REFERENCES people (id),
    frozen_at BIGINT NOT NULL,
    UNIQUE (case_id, number)
);
