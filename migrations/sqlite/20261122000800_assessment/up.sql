-- Frozen loss sheets. A row never changes: what comes after is a version of its own.
CREATE TABLE assessment_versions (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    number INTEGER NOT NULL,
    -- The draft's heads it was made from, separated by spaces.
    heads TEXT NOT NULL,
    draft_sha256 BLOB NOT NULL,
    -- The exact bytes that are shown, hashed and agreed on.
    sheet BLOB NOT NULL,
    sheet_sha256 BLOB NOT NULL,
    total_fen INTEGER NOT NULL,
    rescue_fen INTEGER NOT NULL,
    uncovered_fen INTEGER NOT NULL,
    self_borne_fen INTEGER NOT NULL,
    note TEXT,
    author TEXT NOT NULL REFERENCES people (id),
    frozen_at INTEGER NOT NULL,
    UNIQUE (case_id, number)
) STRICT;
