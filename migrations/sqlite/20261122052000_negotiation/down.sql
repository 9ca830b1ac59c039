DROP TABLE visit_changes;
DROP TABLE visits;
DROP TABLE explanations;
DROP TABLE negotiation_rounds;
