-- What a person made of an amendment: 'acknowledge' or 'new_version', by whom, when and why.
ALTER TABLE draft_amendment ADD COLUMN decision TEXT;
ALTER TABLE draft_amendment ADD COLUMN decided_by TEXT REFERENCES people (id);
ALTER TABLE draft_amendment ADD COLUMN decided_at INTEGER;
ALTER TABLE draft_amendment ADD COLUMN reason TEXT;
