DROP TABLE photo_requests;
DROP TABLE photo_likenesses;
DROP TABLE photo_looks;
DROP TABLE copies;
