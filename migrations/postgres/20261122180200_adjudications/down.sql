DROP TABLE adjudications;
