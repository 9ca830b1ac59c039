CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    run_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    -- While a runner works on it; another may take it over afterwards.
    locked_until BIGINT,
    last_error TEXT,
    -- Set when it was given up: somebody has to look.
    dead_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX jobs_by_due ON jobs (dead_at, run_at);

-- Messages to people outside, written in the transaction that causes them and sent by a job.
CREATE TABLE outbox_messages (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT,
    recipient TEXT NOT NULL,
    body TEXT NOT NULL,
    -- Of no use after this instant: a one-time code, say.
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    sent_at BIGINT
);
CREATE INDEX outbox_messages_by_age ON outbox_messages (sent_at, created_at);
