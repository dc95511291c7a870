//! Balancing: which of the endpoints takes the next request. Pure policies; time and randomness are arguments.
