DROP TABLE alarms;
DROP TABLE clock_limits;
DROP TABLE case_clocks;
