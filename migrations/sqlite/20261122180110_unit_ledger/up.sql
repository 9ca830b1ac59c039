-- When one unit has paid another, and who says so (C48).
ALTER TABLE unit_fees ADD COLUMN settled_at INTEGER;
ALTER TABLE unit_fees ADD COLUMN settled_by TEXT REFERENCES people (id);
CREATE INDEX unit_fees_by_creditor ON unit_fees (creditor_id, entered_at);
CREATE INDEX unit_fees_by_debtor ON unit_fees (debtor_id, entered_at);
CREATE INDEX proxies_by_branch ON proxies (branch_id, arranged_at);
