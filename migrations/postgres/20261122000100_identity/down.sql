DROP TABLE login_throttle;
DROP TABLE refresh_tokens;
DROP TABLE devices;
DROP TABLE people;
DROP TABLE branches;
DROP TABLE instance;
