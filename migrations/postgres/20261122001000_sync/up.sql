-- What became of each command of a phone's outbox.
CREATE TABLE sync_commands (
    person_id TEXT NOT NULL REFERENCES people (id),
    -- Made by the phone, the same on every try.
    id TEXT NOT NULL,
    case_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- Of the command as sent, to tell a repeat from another command under its id.
    sha256 BYTEA NOT NULL,
    -- 'applied' for good, or 'refused' until a repeat finds another state.
    status TEXT NOT NULL,
    -- The problem document of a refusal.
    problem TEXT,
    device_id TEXT,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (person_id, id)
);
CREATE INDEX sync_commands_by_age ON sync_commands (received_at);
CREATE INDEX sync_commands_by_case ON sync_commands (case_id);
