"""`ordering import`: a file of orders, sent as bulks, from where an interrupted run stopped."""
