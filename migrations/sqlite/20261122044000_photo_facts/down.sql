DROP TABLE photo_facts;
