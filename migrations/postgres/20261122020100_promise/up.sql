-- What the yearly notices say, beside the years that ship with the product. A corrected notice is a
-- new version: what was counted by an older one stays explainable.
CREATE TABLE working_years (
    year BIGINT NOT NULL,
    version BIGINT NOT NULL,
    -- Days off and make-up working days in JSON.
    notice TEXT NOT NULL,
    source TEXT NOT NULL,
    imported_at BIGINT NOT NULL,
    imported_by TEXT NOT NULL REFERENCES people (id),
    PRIMARY KEY (year, version)
);

-- Promises of provinces and insurers, beside the one that ships with the product.
CREATE TABLE promise_profiles (
    code TEXT NOT NULL,
    version BIGINT NOT NULL,
    body TEXT NOT NULL,
    imported_at BIGINT NOT NULL,
    imported_by TEXT NOT NULL REFERENCES people (id),
    PRIMARY KEY (code, version)
);

-- Which promise the cases of a branch, and of those below it, are opened under.
CREATE TABLE branch_promises (
    branch_id TEXT NOT NULL PRIMARY KEY REFERENCES branches (id),
    code TEXT NOT NULL,
    set_at BIGINT NOT NULL,
    set_by TEXT NOT NULL REFERENCES people (id)
);
