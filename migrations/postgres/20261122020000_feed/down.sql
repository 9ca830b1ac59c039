DROP TABLE feed_readers;
DROP TABLE case_changes;
