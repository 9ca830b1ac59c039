-- Links to one frozen version. Reading a link changes nothing here.
CREATE TABLE agreement_links (
    id TEXT NOT NULL PRIMARY KEY,
    -- SHA-256 of the token: the table is of no use to a thief.
    token_sha256 BYTEA NOT NULL UNIQUE,
    case_id TEXT NOT NULL REFERENCES cases (id),
    version_id TEXT NOT NULL REFERENCES assessment_versions (id),
    sent_to TEXT NOT NULL,
    -- Where one-time codes go: the number on the case if it can receive them.
    code_to TEXT NOT NULL,
    -- As shown on the page (C12), whatever they are called later.
    staff_name TEXT NOT NULL,
    staff_no TEXT,
    created_by TEXT NOT NULL REFERENCES people (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- When a newer link of the case took its place.
    superseded_at BIGINT
);
CREATE INDEX agreement_links_by_case ON agreement_links (case_id, created_at);
CREATE INDEX agreement_links_by_number ON agreement_links (sent_to, created_at);

CREATE TABLE agreement_codes (
    id TEXT NOT NULL PRIMARY KEY,
    link_id TEXT NOT NULL REFERENCES agreement_links (id),
    -- Over link, version, hash of the sheet and code, with a key that is not in the database.
    code_hmac BYTEA NOT NULL,
    recipient_hmac BYTEA NOT NULL,
    sent_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    wrong_tries BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX agreement_codes_by_link ON agreement_codes (link_id, sent_at);
CREATE INDEX agreement_codes_by_number ON agreement_codes (recipient_hmac, sent_at);
CREATE INDEX agreement_codes_by_age ON agreement_codes (sent_at);

CREATE TABLE agreement_objections (
    id TEXT NOT NULL PRIMARY KEY,
    link_id TEXT NOT NULL REFERENCES agreement_links (id),
    case_id TEXT NOT NULL REFERENCES cases (id),
    version_id TEXT NOT NULL REFERENCES assessment_versions (id),
    reason TEXT NOT NULL,
    words TEXT NOT NULL,
    objected_at BIGINT NOT NULL
);
CREATE INDEX agreement_objections_by_version ON agreement_objections (version_id, objected_at);
CREATE INDEX agreement_objections_by_link ON agreement_objections (link_id);

-- One version can be agreed on once.
CREATE TABLE agreements (
    version_id TEXT NOT NULL PRIMARY KEY REFERENCES assessment_versions (id),
    case_id TEXT NOT NULL REFERENCES cases (id),
    link_id TEXT NOT NULL REFERENCES agreement_links (id),
    code_id TEXT NOT NULL REFERENCES agreement_codes (id),
    agreed_at BIGINT NOT NULL,
    -- The exact bytes that were sealed.
    record BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    key_id TEXT NOT NULL
);
CREATE INDEX agreements_by_case ON agreements (case_id, agreed_at);
