-- The one person in the field whom a change concerns, who need not see the case: an offer to them. None
-- where it concerns whoever sees the case.
ALTER TABLE case_changes ADD COLUMN person_id TEXT REFERENCES people (id);
