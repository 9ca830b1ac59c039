ALTER TABLE agreement_links DROP COLUMN authorisation_id;
DROP TABLE page_complaints;
DROP TABLE partial_agreements;
DROP TABLE offline_agreements;
DROP TABLE agreement_documents;
DROP TABLE agent_authorisations;
