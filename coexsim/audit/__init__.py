"""What is wrong or worth knowing in a set-up: check, diff, findings, and the classes of mail that they search."""
