DROP TABLE survey_arrivals;
