DROP TABLE assessment_versions;
