DROP TABLE blob_faults;
DROP TABLE evidence_holds;
