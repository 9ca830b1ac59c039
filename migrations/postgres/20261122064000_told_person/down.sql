ALTER TABLE case_changes DROP COLUMN person_id;
