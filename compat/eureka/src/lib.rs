//! koinon-compat-eureka
