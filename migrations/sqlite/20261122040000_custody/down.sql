DROP TABLE custody_checkpoint_heads;
DROP TABLE custody_checkpoints;
DROP TABLE custody_heads;
DROP TABLE custody_entries;
