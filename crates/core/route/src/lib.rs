//! Gateway routes: what Spring Cloud Gateway YAML says, compiled to a table that a request is matched against.
