DROP TABLE branch_promises;
DROP TABLE promise_profiles;
DROP TABLE working_years;
