DROP TABLE verification_remarks;
DROP TABLE verifications;
DROP TABLE authority_delegations;
DROP TABLE authority_sets;
DROP TABLE verification_queue;
DROP TABLE assessed_prices;
DROP TABLE version_marks;
DROP TABLE case_duties;
