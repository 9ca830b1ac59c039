DROP TABLE case_shops;
DROP TABLE repair_shops;
