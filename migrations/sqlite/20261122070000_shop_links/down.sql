DROP TABLE shop_links;
