DROP TABLE tasks;
DROP TABLE latest_positions;
DROP TABLE positions;
DROP TABLE zones;
DROP TABLE zone_sets;
