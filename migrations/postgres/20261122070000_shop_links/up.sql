-- Links on which a repair shop sees one case that its customer brought, without an account.
CREATE TABLE shop_links (
    id TEXT NOT NULL PRIMARY KEY,
    -- SHA-256 of the token: the table is of no use to a thief.
    token_sha256 BYTEA NOT NULL UNIQUE,
    case_id TEXT NOT NULL REFERENCES cases (id),
    shop_id TEXT NOT NULL REFERENCES repair_shops (id),
    sent_to TEXT NOT NULL,
    created_by TEXT NOT NULL REFERENCES people (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_by TEXT REFERENCES people (id),
    revoked_at BIGINT
);
CREATE INDEX shop_links_by_case ON shop_links (case_id, created_at);
