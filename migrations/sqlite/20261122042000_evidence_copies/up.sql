-- Smaller copies of stored contents, made by us; each is itself a content under its own hash.
CREATE TABLE copies (
    sha256 TEXT NOT NULL REFERENCES blobs (sha256),
    -- preview or thumbnail
    kind TEXT NOT NULL,
    copy_sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    PRIMARY KEY (sha256, kind)
) STRICT;

-- How each content looks, in the order of looking without gaps, so that a reader can follow.
CREATE TABLE photo_looks (
    seq INTEGER NOT NULL PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE REFERENCES blobs (sha256),
    -- Perceptual hashes, eight bytes each; absent when the bytes could not be decoded.
    hashes BLOB,
    sharpness REAL,
    dark REAL,
    bright REAL,
    looked_at INTEGER NOT NULL
) STRICT;

-- Contents that look like one that was stored before.
CREATE TABLE photo_likenesses (
    sha256 TEXT NOT NULL REFERENCES blobs (sha256),
    other_sha256 TEXT NOT NULL REFERENCES blobs (sha256),
    -- Bits of 64 that differ.
    distance INTEGER NOT NULL,
    found_at INTEGER NOT NULL,
    PRIMARY KEY (sha256, other_sha256)
) STRICT;
CREATE INDEX photo_likenesses_back ON photo_likenesses (other_sha256);

-- Photos that somebody who reviews a case has asked for.
CREATE TABLE photo_requests (
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    slot TEXT NOT NULL,
    least INTEGER NOT NULL,
    reason TEXT NOT NULL,
    line_id TEXT,
    requested_by TEXT NOT NULL REFERENCES people (id),
    requested_at INTEGER NOT NULL
) STRICT;
CREATE INDEX photo_requests_by_case ON photo_requests (case_id, requested_at, id);
