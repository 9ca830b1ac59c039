-- Where surveyors said they arrived: evidence beside the event, which carries only the judgement.
CREATE TABLE survey_arrivals (
    event_id TEXT NOT NULL PRIMARY KEY REFERENCES case_events (id),
    case_id TEXT NOT NULL REFERENCES cases (id),
    person_id TEXT NOT NULL REFERENCES people (id),
    lat DOUBLE PRECISION,
    lon DOUBLE PRECISION,
    accuracy_m DOUBLE PRECISION,
    mock BOOLEAN NOT NULL,
    -- From the place of loss, where both are known.
    distance_m DOUBLE PRECISION,
    plausibility TEXT NOT NULL,
    staff_shown BOOLEAN NOT NULL
);
CREATE INDEX survey_arrivals_by_case ON survey_arrivals (case_id);
