DROP TABLE draft_conflict;
DROP TABLE draft_quarantine;
DROP TABLE draft_push;
DROP TABLE draft_snapshot;
DROP TABLE draft_change;
DROP TABLE draft_actor;
DROP TABLE case_draft;
