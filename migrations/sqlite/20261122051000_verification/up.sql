-- What somebody did on a case, whatever their role is by now: nobody assesses and verifies one case.
CREATE TABLE case_duties (
    case_id TEXT NOT NULL REFERENCES cases (id),
    person_id TEXT NOT NULL REFERENCES people (id),
    duty TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (case_id, person_id, duty)
) STRICT;

-- What a verifier should look at. Not part of the sheet.
CREATE TABLE version_marks (
    version_id TEXT NOT NULL REFERENCES assessment_versions (id),
    ordinal INTEGER NOT NULL,
    code TEXT NOT NULL,
    path TEXT NOT NULL,
    value INTEGER,
    expected INTEGER,
    PRIMARY KEY (version_id, ordinal)
) STRICT;

-- Prices of parts and operations in frozen versions, to compare others with.
CREATE TABLE assessed_prices (
    version_id TEXT NOT NULL REFERENCES assessment_versions (id),
    line_id TEXT NOT NULL,
    case_id TEXT NOT NULL REFERENCES cases (id),
    code TEXT NOT NULL,
    source TEXT NOT NULL,
    price_fen INTEGER NOT NULL,
    frozen_at INTEGER NOT NULL,
    PRIMARY KEY (version_id, line_id)
) STRICT;
CREATE INDEX assessed_prices_by_code ON assessed_prices (code, source, frozen_at);

-- Agreed versions that wait for a verifier, once for the branch of the case and once for each above it,
-- so that everybody's queue is one range of an index.
CREATE TABLE verification_queue (
    scope_id TEXT NOT NULL REFERENCES branches (id),
    case_id TEXT NOT NULL REFERENCES cases (id),
    version_id TEXT NOT NULL REFERENCES assessment_versions (id),
    amount_fen INTEGER NOT NULL,
    marks INTEGER NOT NULL,
    queued_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    started_by TEXT REFERENCES people (id),
    started_at INTEGER,
    PRIMARY KEY (scope_id, case_id)
) STRICT;
CREATE INDEX verification_queue_by_case ON verification_queue (case_id);
CREATE INDEX verification_queue_by_amount ON verification_queue (scope_id, amount_fen, case_id);
CREATE INDEX verification_queue_by_marks ON verification_queue (scope_id, marks, case_id);
CREATE INDEX verification_queue_by_age ON verification_queue (scope_id, queued_at, case_id);

-- Limits of authority of a branch and those below it. A version never changes.
CREATE TABLE authority_sets (
    id TEXT NOT NULL PRIMARY KEY,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    version INTEGER NOT NULL,
    valid_from INTEGER NOT NULL,
    terms TEXT NOT NULL,
    created_by TEXT NOT NULL REFERENCES people (id),
    created_at INTEGER NOT NULL,
    UNIQUE (branch_id, version)
) STRICT;

-- Somebody acts for somebody else for a while.
CREATE TABLE authority_delegations (
    id TEXT NOT NULL PRIMARY KEY,
    from_person TEXT NOT NULL REFERENCES people (id),
    to_person TEXT NOT NULL REFERENCES people (id),
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    created_by TEXT NOT NULL REFERENCES people (id),
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
CREATE INDEX authority_delegations_by_delegate ON authority_delegations (to_person, ends_at);

-- One row for each time an agreed version came before a verifier.
CREATE TABLE verifications (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    version_id TEXT NOT NULL REFERENCES assessment_versions (id),
    -- verified, returned, adjusted
    outcome TEXT NOT NULL,
    amount_fen INTEGER NOT NULL,
    -- By how much it is more than what was verified before.
    increase_fen INTEGER NOT NULL,
    assessor_id TEXT NOT NULL REFERENCES people (id),
    shop_id TEXT REFERENCES repair_shops (id),
    queued_at INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    decided_at INTEGER NOT NULL,
    decided_by TEXT NOT NULL REFERENCES people (id),
    on_behalf_of TEXT REFERENCES people (id),
    authority_version INTEGER,
    -- The assessor's answer, if they sent the same version again.
    answer TEXT,
    answered_by TEXT REFERENCES people (id),
    answered_at INTEGER
) STRICT;
CREATE INDEX verifications_by_case ON verifications (case_id, decided_at);
CREATE INDEX verifications_by_decider ON verifications (decided_by, assessor_id, decided_at);
CREATE INDEX verifications_by_principal ON verifications (on_behalf_of, assessor_id, decided_at);
CREATE INDEX verifications_by_shop ON verifications (shop_id, decided_at);

CREATE TABLE verification_remarks (
    verification_id TEXT NOT NULL REFERENCES verifications (id),
    ordinal INTEGER NOT NULL,
    -- Absent when the whole sheet is meant.
    line_id TEXT,
    reason TEXT NOT NULL,
    proposed_fen INTEGER,
    PRIMARY KEY (verification_id, ordinal)
) STRICT;
