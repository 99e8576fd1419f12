"""The compiled engine: a kernel moves the mail between two changes of the world; its tables are the reference's, bit for bit."""
