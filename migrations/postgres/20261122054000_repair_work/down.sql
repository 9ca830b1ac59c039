DROP TABLE supplement_requests;
DROP TABLE repair_progress;
DROP TABLE shop_recommendations;
ALTER TABLE repair_shops DROP COLUMN recommended;
ALTER TABLE repair_shops DROP COLUMN hours;
ALTER TABLE repair_shops DROP COLUMN lon;
ALTER TABLE repair_shops DROP COLUMN lat;
