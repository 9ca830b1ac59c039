DROP TABLE rescues;
DROP TABLE unit_fees;
DROP TABLE proxies;
DROP TABLE unit_messages;
DROP TABLE trackings;
DROP TABLE trips;
DROP TABLE task_etas;
