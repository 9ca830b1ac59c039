-- Who judged a case is asked with every push to its draft: not by reading its whole log.
CREATE INDEX case_events_judging ON case_events (case_id, seq)
    WHERE kind IN ('verified', 'version_returned', 'adjudicated');
