DROP INDEX supplement_requests_by_state;
DROP TABLE shop_photos;
