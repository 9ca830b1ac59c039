DROP TABLE case_people;
DROP TABLE idempotency_keys;
DROP TABLE case_events;
DROP TABLE cases;
