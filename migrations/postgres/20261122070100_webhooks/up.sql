-- Servers of others that are told when the status of a case changes. What they are signed with stands in
-- no table: it follows from the id and the installation's secret.
CREATE TABLE webhooks (
    id TEXT NOT NULL PRIMARY KEY,
    -- shop, core_system
    audience TEXT NOT NULL,
    shop_id TEXT REFERENCES repair_shops (id),
    -- Only cases of this branch and those below it.
    branch_id TEXT NOT NULL REFERENCES branches (id),
    url TEXT NOT NULL,
    created_by TEXT NOT NULL REFERENCES people (id),
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

-- What is told, in the order of the case's log.
CREATE TABLE webhook_deliveries (
    webhook_id TEXT NOT NULL REFERENCES webhooks (id),
    case_id TEXT NOT NULL REFERENCES cases (id),
    seq BIGINT NOT NULL,
    -- The id of the event: the same over retries.
    event_id TEXT NOT NULL,
    body TEXT NOT NULL,
    -- waiting, delivered, skipped
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    settled_at BIGINT,
    PRIMARY KEY (webhook_id, case_id, seq)
);
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (state, settled_at);

-- One case on its way to one server: its next delivery waits for the one before.
CREATE TABLE webhook_lanes (
    webhook_id TEXT NOT NULL REFERENCES webhooks (id),
    case_id TEXT NOT NULL REFERENCES cases (id),
    -- The last entry of the case's log that was taken up.
    last_seq BIGINT NOT NULL,
    -- idle, waiting, stuck
    state TEXT NOT NULL,
    -- Failed tries of its next delivery.
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    -- While a node sends; another may take over afterwards.
    locked_until BIGINT,
    last_error TEXT,
    PRIMARY KEY (webhook_id, case_id)
);
CREATE INDEX webhook_lanes_by_due ON webhook_lanes (state, next_at);
