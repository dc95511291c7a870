//! koinon-api-eureka
