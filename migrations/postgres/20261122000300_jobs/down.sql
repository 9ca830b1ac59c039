DROP TABLE outbox_messages;
DROP TABLE jobs;
