-- The datum that a place was given in. The place itself is always stored in WGS-84.
ALTER TABLE cases ADD COLUMN datum TEXT;
ALTER TABLE survey_arrivals ADD COLUMN datum TEXT;
ALTER TABLE positions ADD COLUMN datum TEXT NOT NULL DEFAULT 'wgs84';
