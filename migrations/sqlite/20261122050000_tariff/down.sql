DROP TABLE policy_snapshots;
DROP TABLE price_items;
DROP TABLE price_lists;
DROP TABLE rate_cards;
