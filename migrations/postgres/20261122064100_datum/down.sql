ALTER TABLE positions DROP COLUMN datum;
ALTER TABLE survey_arrivals DROP COLUMN datum;
ALTER TABLE cases DROP COLUMN datum;
