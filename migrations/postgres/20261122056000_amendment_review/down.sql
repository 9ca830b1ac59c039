ALTER TABLE draft_amendment DROP COLUMN reason;
ALTER TABLE draft_amendment DROP COLUMN decided_at;
ALTER TABLE draft_amendment DROP COLUMN decided_by;
ALTER TABLE draft_amendment DROP COLUMN decision;
