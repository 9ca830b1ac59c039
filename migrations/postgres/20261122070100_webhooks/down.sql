DROP TABLE webhook_lanes;
DROP TABLE webhook_deliveries;
DROP TABLE webhooks;
