//! The names of the attributes under which Eureka's own fields are kept.
//!
//! They are stored with every instance, so they are short. `IP_ADDR` is always there and marks an instance that
//! came through this door.

pub(super) const IP_ADDR: &str = "e.ip";
pub(super) const NO_INSTANCE_ID: &str = "e.noid";
pub(super) const APP_GROUP: &str = "e.group";
pub(super) const SID: &str = "e.sid";
pub(super) const PORT: &str = "e.port";
pub(super) const SECURE_PORT: &str = "e.sport";
pub(super) const HOME_PAGE_URL: &str = "e.home";
pub(super) const STATUS_PAGE_URL: &str = "e.status";
pub(super) const HEALTH_CHECK_URL: &str = "e.health";
pub(super) const SECURE_HEALTH_CHECK_URL: &str = "e.shealth";
pub(super) const VIP: &str = "e.vip";
pub(super) const SECURE_VIP: &str = "e.svip";
pub(super) const COUNTRY_ID: &str = "e.country";
pub(super) const DATA_CENTER: &str = "e.dc";
pub(super) const ASG: &str = "e.asg";
/// Amazon's metadata follow, each with this before its own key.
pub(super) const DATA_CENTER_PAIR: &str = "e.dc.";
