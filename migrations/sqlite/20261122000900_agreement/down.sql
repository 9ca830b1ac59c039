DROP TABLE agreements;
DROP TABLE agreement_objections;
DROP TABLE agreement_codes;
DROP TABLE agreement_links;
