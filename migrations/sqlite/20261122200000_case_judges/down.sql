DROP INDEX case_events_judging;
