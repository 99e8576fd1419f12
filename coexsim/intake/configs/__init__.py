"""Other people's configurations read into the keys of a scenario: one file a product, what they share beside them."""
