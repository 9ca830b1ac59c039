-- Who may act for the insured (C51): an authorisation on paper, recorded with its limits.
CREATE TABLE agent_authorisations (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    agent_name TEXT NOT NULL,
    agent_phone TEXT NOT NULL,
    -- Of whom: policyholder, insured, beneficiary.
    principal_role TEXT NOT NULL,
    -- The photo of the paper.
    document_sha256 TEXT NOT NULL,
    valid_until BIGINT NOT NULL,
    recorded_by TEXT NOT NULL REFERENCES people (id),
    recorded_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX agent_authorisations_by_case ON agent_authorisations (case_id, recorded_at);

ALTER TABLE agreement_links ADD COLUMN authorisation_id TEXT REFERENCES agent_authorisations (id);

-- What belongs to an agreement besides its record.
CREATE TABLE agreement_documents (
    version_id TEXT NOT NULL PRIMARY KEY REFERENCES assessment_versions (id),
    -- The loss agreement as it was printed then.
    pdf BYTEA NOT NULL,
    pdf_sha256 BYTEA NOT NULL,
    -- What the customer drew, if anything.
    drawing TEXT,
    custody_seq BIGINT NOT NULL,
    custody_sha256 TEXT NOT NULL
);

-- Agreements given on a surveyor's phone without signal: facts when confirmed, visibly void otherwise.
CREATE TABLE offline_agreements (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    version_id TEXT NOT NULL,
    person_id TEXT NOT NULL REFERENCES people (id),
    device_id TEXT NOT NULL REFERENCES devices (id),
    -- What the customer saw and signed.
    sheet_sha256 BYTEA NOT NULL,
    -- By the phone's own clock, and corrected.
    device_at BIGINT NOT NULL,
    signed_at BIGINT NOT NULL,
    device_signature BYTEA NOT NULL,
    drawing TEXT NOT NULL,
    -- confirmed, void
    state TEXT NOT NULL,
    void_reason TEXT,
    received_at BIGINT NOT NULL,
    -- Of a confirmed one.
    record BYTEA,
    signature BYTEA,
    key_id TEXT
);
CREATE INDEX offline_agreements_by_case ON offline_agreements (case_id, received_at);
CREATE INDEX offline_agreements_by_version ON offline_agreements (version_id, state);

-- Lines that the customer agreed on while objecting to others.
CREATE TABLE partial_agreements (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    version_id TEXT NOT NULL REFERENCES assessment_versions (id),
    link_id TEXT NOT NULL REFERENCES agreement_links (id),
    disputed TEXT NOT NULL,
    agreed_fen BIGINT NOT NULL,
    agreed_at BIGINT NOT NULL,
    record BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    key_id TEXT NOT NULL
);
CREATE INDEX partial_agreements_by_version ON partial_agreements (version_id, agreed_at);

-- What a customer complained of on their page.
CREATE TABLE page_complaints (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    link_id TEXT NOT NULL REFERENCES agreement_links (id),
    words TEXT NOT NULL,
    made_at BIGINT NOT NULL
);
CREATE INDEX page_complaints_by_case ON page_complaints (case_id, made_at);
