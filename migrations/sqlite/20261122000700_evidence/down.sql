DROP TABLE blobs;
DROP TABLE photos;
