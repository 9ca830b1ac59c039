-- What the zones said of where a trip went: towns are driven through at another speed.
ALTER TABLE trips ADD COLUMN zone_class TEXT;
UPDATE trips SET zone_class = (
    SELECT tasks.zone_class FROM tasks WHERE tasks.id = trips.task_id AND tasks.zone_version IS NOT NULL
);
