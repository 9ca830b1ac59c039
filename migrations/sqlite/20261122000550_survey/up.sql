-- Where surveyors said they arrived: evidence beside the event, which carries only the judgement.
CREATE TABLE survey_arrivals (
    event_id TEXT NOT NULL PRIMARY KEY REFERENCES case_events (id),
    case_id TEXT NOT NULL REFERENCES cases (id),
    person_id TEXT NOT NULL REFERENCES people (id),
    lat REAL,
    lon REAL,
    accuracy_m REAL,
    mock INTEGER NOT NULL,
    -- From the place of loss, where both are known.
    distance_m REAL,
    plausibility TEXT NOT NULL,
    staff_shown INTEGER NOT NULL
) STRICT;
CREATE INDEX survey_arrivals_by_case ON survey_arrivals (case_id);
