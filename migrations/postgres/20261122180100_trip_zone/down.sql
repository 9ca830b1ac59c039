ALTER TABLE trips DROP COLUMN zone_class;
