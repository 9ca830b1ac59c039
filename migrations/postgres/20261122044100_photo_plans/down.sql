DROP TABLE photo_plans;
