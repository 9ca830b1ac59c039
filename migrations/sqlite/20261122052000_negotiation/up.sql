-- Offers, counter-offers and answers about one frozen version, by line or for the total.
CREATE TABLE negotiation_rounds (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    version_id TEXT NOT NULL REFERENCES assessment_versions (id),
    ordinal INTEGER NOT NULL,
    -- insurer, customer
    side TEXT NOT NULL,
    -- offer, accept, reject
    action TEXT NOT NULL,
    -- Absent when the total is meant.
    line_id TEXT,
    amount_fen INTEGER,
    statement TEXT NOT NULL,
    -- Ids of photos that were shown, separated by blanks.
    photos TEXT NOT NULL,
    -- How it was said: page, phone, on_site.
    channel TEXT NOT NULL,
    recorded_by TEXT REFERENCES people (id),
    said_at INTEGER NOT NULL,
    UNIQUE (version_id, ordinal)
) STRICT;
CREATE INDEX negotiation_rounds_by_case ON negotiation_rounds (case_id, said_at);

-- What was explained after an objection, with what it rests on (C14).
CREATE TABLE explanations (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    version_id TEXT NOT NULL REFERENCES assessment_versions (id),
    words TEXT NOT NULL,
    -- evidence, contract, law, police, standard
    basis TEXT NOT NULL,
    photos TEXT NOT NULL,
    -- accepted, maintained, resurvey_wanted
    outcome TEXT NOT NULL,
    explained_by TEXT NOT NULL REFERENCES people (id),
    explained_at INTEGER NOT NULL
) STRICT;
CREATE INDEX explanations_by_case ON explanations (case_id, explained_at);

-- Visits agreed with the customer: to assess, to survey again, to assess together (C22, C23, C28).
CREATE TABLE visits (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    purpose TEXT NOT NULL,
    reason TEXT NOT NULL,
    starts_at INTEGER NOT NULL,
    place TEXT NOT NULL,
    expert_name TEXT,
    expert_organisation TEXT,
    -- adjuster, expert
    expert_kind TEXT,
    -- How the customer consented: phone, on_site, written.
    customer_consent TEXT NOT NULL,
    status TEXT NOT NULL,
    came_at INTEGER,
    result TEXT,
    outcome TEXT,
    made_by TEXT NOT NULL REFERENCES people (id),
    made_at INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX visits_by_case ON visits (case_id, starts_at);

CREATE TABLE visit_changes (
    visit_id TEXT NOT NULL REFERENCES visits (id),
    ordinal INTEGER NOT NULL,
    before_at INTEGER NOT NULL,
    -- Absent when it was called off.
    after_at INTEGER,
    -- Told to the customer (C23).
    explanation TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    changed_by TEXT NOT NULL REFERENCES people (id),
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (visit_id, ordinal)
) STRICT;
