//! The messages, in Eureka's own words.
//!
//! Every text is a [`Cow`]: an answer borrows from the registry, a request owns what it decoded. What an original
//! server fills in when a client leaves it out is filled in by [`InstanceInfo::default`]; what it takes from its
//! clock is `None` here, because this room has no clock.

use std::borrow::Cow;

/// Key-value pairs in the order of the message, each key once.
pub type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// An instance's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Takes traffic.
    Up,
    /// Cannot take traffic.
    Down,
    /// Not ready yet.
    Starting,
    /// Taken out on purpose.
    OutOfService,
    /// Anything else.
    Unknown,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 5] = [
        Self::Up,
        Self::Down,
        Self::Starting,
        Self::OutOfService,
        Self::Unknown,
    ];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "UP",
            Self::Down => "DOWN",
            Self::Starting => "STARTING",
            Self::OutOfService => "OUT_OF_SERVICE",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// The status of exactly this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// What last happened to an instance, as the delta tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActionType {
    /// It registered.
    Added,
    /// It changed.
    Modified,
    /// It left.
    Deleted,
}

impl ActionType {
    /// Every action.
    pub const ALL: [Self; 3] = [Self::Added, Self::Modified, Self::Deleted];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }

    /// The action of exactly this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }
}

/// A port and whether it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Port {
    /// As the client gave it. The original takes any 32-bit number, -1 for example.
    pub number: i32,
    /// Whether it takes connections.
    pub enabled: bool,
}

/// The kinds of data centre that a strict client knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataCenterName {
    /// Netflix's own.
    Netflix,
    /// Amazon's; the only one with metadata.
    Amazon,
    /// Everybody else's.
    MyOwn,
}

impl DataCenterName {
    /// Every name.
    pub const ALL: [Self; 3] = [Self::Netflix, Self::Amazon, Self::MyOwn];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Netflix => "Netflix",
            Self::Amazon => "Amazon",
            Self::MyOwn => "MyOwn",
        }
    }
}

/// Where an instance runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataCenterInfo<'a> {
    /// `None` when the client left it out; a registration needs it.
    pub name: Option<DataCenterName>,
    /// What Amazon says of the machine; empty for the others.
    pub metadata: Pairs<'a>,
}

/// The key of Amazon's metadata that identifies a machine.
const AMAZON_INSTANCE_ID: &str = "instance-id";

/// Whether the compact variant of an instance keeps this entry of Amazon's metadata.
pub(super) fn is_compact_key(key: &str) -> bool {
    matches!(
        key,
        AMAZON_INSTANCE_ID | "public-ipv4" | "public-hostname" | "local-ipv4" | "availability-zone"
    )
}

/// The Java class of Amazon's data centre, as it stands on the wire.
pub(super) const AMAZON_CLASS: &str = "com.netflix.appinfo.AmazonInfo";

/// The Java class of every other data centre, as it stands on the wire (it no longer exists in Java).
pub(super) const DEFAULT_CLASS: &str = "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo";

impl DataCenterInfo<'_> {
    /// The Java class that strict clients want to see.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self.name {
            Some(DataCenterName::Amazon) => AMAZON_CLASS,
            Some(DataCenterName::Netflix | DataCenterName::MyOwn) | None => DEFAULT_CLASS,
        }
    }
}

/// A lease's terms and history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseInfo {
    /// How often the client renews.
    pub renewal_interval_s: i32,
    /// How long it may be silent.
    pub duration_s: i32,
    /// When the lease began.
    pub registration_ms: i64,
    /// When it was last renewed.
    pub last_renewal_ms: i64,
    /// When it ended; 0 while it lasts.
    pub eviction_ms: i64,
    /// When the instance first was up; 0 if never.
    pub service_up_ms: i64,
}

impl LeaseInfo {
    /// The renewal interval of a client that states none.
    pub const RENEWAL_INTERVAL_S: i32 = 30;
    /// The duration of a lease whose client states none.
    pub const DURATION_S: i32 = 90;
}

impl Default for LeaseInfo {
    fn default() -> Self {
        Self {
            renewal_interval_s: Self::RENEWAL_INTERVAL_S,
            duration_s: Self::DURATION_S,
            registration_ms: 0,
            last_renewal_ms: 0,
            eviction_ms: 0,
            service_up_ms: 0,
        }
    }
}

/// An instance of an application.
///
/// An empty `app`, `host_name` or `ip_addr` means that it is missing, which is how the original treats it too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceInfo<'a> {
    /// Its identity in the application; old clients have none, see [`InstanceInfo::id`].
    pub instance_id: Option<Cow<'a, str>>,
    /// The application, in upper case.
    pub app: Cow<'a, str>,
    /// A group of applications, in upper case.
    pub app_group_name: Option<Cow<'a, str>>,
    /// Its address.
    pub ip_addr: Cow<'a, str>,
    /// Obsolete; `None` stands for the original's `na`, which is not written.
    pub sid: Option<Cow<'a, str>>,
    /// The plain port.
    pub port: Port,
    /// The TLS port.
    pub secure_port: Port,
    /// A page for people.
    pub home_page_url: Option<Cow<'a, str>>,
    /// A page about its state.
    pub status_page_url: Option<Cow<'a, str>>,
    /// Where to ask for its health.
    pub health_check_url: Option<Cow<'a, str>>,
    /// The same over TLS.
    pub secure_health_check_url: Option<Cow<'a, str>>,
    /// The virtual names it answers to, with commas between them.
    pub vip_address: Option<Cow<'a, str>>,
    /// The virtual names of its TLS port.
    pub secure_vip_address: Option<Cow<'a, str>>,
    /// Obsolete.
    pub country_id: i32,
    /// Where it runs; a registration needs it.
    pub data_center_info: Option<DataCenterInfo<'a>>,
    /// Its name.
    pub host_name: Cow<'a, str>,
    /// The status that holds.
    pub status: Status,
    /// The status that an operator set.
    pub overridden_status: Status,
    /// Its lease.
    pub lease_info: Option<LeaseInfo>,
    /// Whether this very server wrote it.
    pub is_coordinating: bool,
    /// The client's own pairs.
    pub metadata: Pairs<'a>,
    /// When the server last changed something about it.
    pub last_updated_ms: Option<i64>,
    /// When the client last changed something about it.
    pub last_dirty_ms: Option<i64>,
    /// What last happened to it.
    pub action_type: Option<ActionType>,
    /// Amazon's auto scaling group.
    pub asg_name: Option<Cow<'a, str>>,
}

impl Default for InstanceInfo<'_> {
    fn default() -> Self {
        Self {
            instance_id: None,
            app: Cow::Borrowed(""),
            app_group_name: None,
            ip_addr: Cow::Borrowed(""),
            sid: None,
            port: Port {
                number: 7001,
                enabled: true,
            },
            secure_port: Port {
                number: 7002,
                enabled: false,
            },
            home_page_url: None,
            status_page_url: None,
            health_check_url: None,
            secure_health_check_url: None,
            vip_address: None,
            secure_vip_address: None,
            country_id: 1,
            data_center_info: None,
            host_name: Cow::Borrowed(""),
            status: Status::Up,
            overridden_status: Status::Unknown,
            lease_info: None,
            is_coordinating: false,
            metadata: Pairs::new(),
            last_updated_ms: None,
            last_dirty_ms: None,
            action_type: None,
            asg_name: None,
        }
    }
}

impl InstanceInfo<'_> {
    /// What identifies it in its application: the instance id, else Amazon's, else the host name. Empty if it has
    /// none of them.
    #[must_use]
    pub fn id(&self) -> &str {
        let given = self.instance_id.as_deref().filter(|id| !id.is_empty());
        given.or_else(|| self.amazon_id()).unwrap_or(&self.host_name)
    }

    fn amazon_id(&self) -> Option<&str> {
        let info = self.data_center_info.as_ref()?;
        let (_, id) = info.metadata.iter().find(|(key, _)| key == AMAZON_INSTANCE_ID)?;
        (info.name == Some(DataCenterName::Amazon) && !id.is_empty()).then_some(&**id)
    }
}

/// The instances of one application.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Application<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its instances.
    pub instances: Vec<InstanceInfo<'a>>,
}

/// Many applications, or what changed about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applications<'a> {
    /// The version of the list; -1 if it has none.
    pub versions_delta: i64,
    /// The count of every status, such as `DOWN_1_UP_12_`.
    pub apps_hashcode: Cow<'a, str>,
    /// The applications.
    pub applications: Vec<Application<'a>>,
}

impl Default for Applications<'_> {
    fn default() -> Self {
        Self {
            versions_delta: -1,
            apps_hashcode: Cow::Borrowed(""),
            applications: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clients from before instance ids must keep one identity: Amazon's id, else the host name.
    #[test]
    fn an_instance_without_an_id_is_known_by_its_machine() {
        let mut instance = InstanceInfo {
            host_name: "h".into(),
            ..InstanceInfo::default()
        };
        assert_eq!(instance.id(), "h");
        instance.data_center_info = Some(DataCenterInfo {
            name: Some(DataCenterName::Amazon),
            metadata: vec![("instance-id".into(), "i-1".into())],
        });
        assert_eq!(instance.id(), "i-1");
        instance.instance_id = Some("".into());
        assert_eq!(instance.id(), "i-1");
        instance.instance_id = Some("x".into());
        assert_eq!(instance.id(), "x");
    }
}
