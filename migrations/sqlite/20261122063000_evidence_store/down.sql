ALTER TABLE blobs DROP COLUMN removed_at;
