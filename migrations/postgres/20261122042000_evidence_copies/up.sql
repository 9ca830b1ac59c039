-- Smaller copies of stored contents, made by us; each is itself a content under its own hash.
CREATE TABLE copies (
    sha256 TEXT NOT NULL REFERENCES blobs (sha256),
    -- preview or thumbnail
    kind TEXT NOT NULL,
    copy_sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (sha256, kind)
);

-- How each content looks, in the order of looking without gaps, so that a reader can follow.
CREATE TABLE photo_looks (
    seq BIGINT NOT NULL PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE REFERENCES blobs (sha256),
    -- Perceptual hashes, eight bytes each; absent when the bytes could not be decoded.
    hashes BYTEA,
    sharpness DOUBLE PRECISION,
    dark DOUBLE PRECISION,
    bright DOUBLE PRECISION,
    looked_at BIGINT NOT NULL
);

-- Contents that look like one that was stored before.
CREATE TABLE photo_likenesses (
    sha256 TEXT NOT NULL REFERENCES blobs (sha256),
    other_sha256 TEXT NOT NULL REFERENCES blobs (sha256),
    -- Bits of 64 that differ.
    distance BIGINT NOT NULL,
    found_at BIGINT NOT NULL,
    PRIMARY KEY (sha256, other_sha256)
);
CREATE INDEX photo_likenesses_back ON photo_likenesses (other_sha256);

-- Photos that somebody who reviews a case has asked for.
CREATE TABLE photo_requests (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    slot TEXT NOT NULL,
    least BIGINT NOT NULL,
    reason TEXT NOT NULL,
    line_id TEXT,
    requested_by TEXT NOT NULL REFERENCES people (id),
    requested_at BIGINT NOT NULL
);
CREATE INDEX photo_requests_by_case ON photo_requests (case_id, requested_at, id);
