-- Rates and discounts as agreed, by branch and class of shops. A version never changes.
CREATE TABLE rate_cards (
    id TEXT NOT NULL PRIMARY KEY,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    -- one, two, three; any where the class does not matter.
    shop_class TEXT NOT NULL,
    version BIGINT NOT NULL,
    card TEXT NOT NULL,
    valid_from BIGINT NOT NULL,
    created_by TEXT NOT NULL REFERENCES people (id),
    created_at BIGINT NOT NULL,
    UNIQUE (branch_id, shop_class, version)
);

-- Imported price lists. The newest version of a branch and kind is in force.
CREATE TABLE price_lists (
    id TEXT NOT NULL PRIMARY KEY,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    kind TEXT NOT NULL,
    version BIGINT NOT NULL,
    csv_sha256 BYTEA NOT NULL,
    items BIGINT NOT NULL,
    imported_by TEXT NOT NULL REFERENCES people (id),
    imported_at BIGINT NOT NULL,
    UNIQUE (branch_id, kind, version)
);

CREATE TABLE price_items (
    list_id TEXT NOT NULL REFERENCES price_lists (id),
    code TEXT NOT NULL,
    -- Source of a part, or the trade of an operation.
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    price_fen BIGINT NOT NULL,
    PRIMARY KEY (list_id, code, source)
);

-- Terms of the policy as they stood when somebody looked; a later look is another row.
CREATE TABLE policy_snapshots (
    case_id TEXT NOT NULL REFERENCES cases (id),
    number BIGINT NOT NULL,
    terms TEXT NOT NULL,
    origin TEXT NOT NULL,
    taken_by TEXT NOT NULL REFERENCES people (id),
    taken_at BIGINT NOT NULL,
    PRIMARY KEY (case_id, number)
);
