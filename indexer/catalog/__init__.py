"""Every SQL query, a module for each noun. Rows in, records out; transactions are the caller's."""
