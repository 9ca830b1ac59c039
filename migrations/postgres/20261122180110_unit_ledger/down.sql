DROP INDEX proxies_by_branch;
DROP INDEX unit_fees_by_debtor;
DROP INDEX unit_fees_by_creditor;
ALTER TABLE unit_fees DROP COLUMN settled_by;
ALTER TABLE unit_fees DROP COLUMN settled_at;
