CREATE TABLE repair_shops (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    phone TEXT,
    -- By the maintenance authority: one, two, three.
    class TEXT NOT NULL,
    licence_no TEXT NOT NULL UNIQUE,
    -- The first instant at which the licence is not in force any more.
    licence_ends_at BIGINT NOT NULL,
    credit_code TEXT NOT NULL,
    created_by TEXT NOT NULL REFERENCES people (id),
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX repair_shops_by_age ON repair_shops (created_at, id);

-- The customer's own choice that is in force; earlier ones stand in the event log.
CREATE TABLE case_shops (
    case_id TEXT NOT NULL PRIMARY KEY REFERENCES cases (id),
    -- Absent when the customer chose a shop that is not in the registry.
    shop_id TEXT REFERENCES repair_shops (id),
    other_name TEXT,
    other_phone TEXT,
    chosen_at BIGINT NOT NULL,
    recorded_by TEXT NOT NULL REFERENCES people (id),
    recorded_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX case_shops_by_shop ON case_shops (shop_id, chosen_at, case_id);
