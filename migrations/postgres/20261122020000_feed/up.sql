-- What changed of which case, in an order that a reader can follow without a gap: boards, phones and
-- the background work of other capabilities keep a place in it. Old rows are pruned.
CREATE TABLE case_changes (
    seq BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The transaction that wrote it, where several write at once: readers stop before the oldest one
    -- that is still running. Always 0 where there is one writer.
    tx BIGINT NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    case_id TEXT NOT NULL REFERENCES cases (id),
    topic TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX case_changes_by_order ON case_changes (tx, seq);
CREATE INDEX case_changes_by_age ON case_changes (at);

-- How far background work has followed, and, as 'floor', what has been pruned.
CREATE TABLE feed_readers (
    name TEXT NOT NULL PRIMARY KEY,
    tx BIGINT NOT NULL,
    seq BIGINT NOT NULL
);
