-- Set when the bytes and their copies were deleted after their time; what was received stays known.
ALTER TABLE blobs ADD COLUMN removed_at BIGINT;
