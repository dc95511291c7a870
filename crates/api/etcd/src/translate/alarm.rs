//! Alarms as keys: `alarm/`, its kind and its member in sixteen hexadecimal digits each.

use bytes::Bytes;

use crate::wire::etcdserverpb::{AlarmMember, AlarmType};

const PREFIX: &str = "alarm/";

/// The key that stands for an alarm.
#[must_use]
pub fn key_of(alarm: &AlarmMember) -> Bytes {
    format!("{PREFIX}{:016x}/{:016x}", alarm.alarm, alarm.member_id).into()
}

/// The alarm that a key stands for, if it stands for one that this version knows.
#[must_use]
pub fn alarm_of(key: &[u8]) -> Option<AlarmMember> {
    let rest = std::str::from_utf8(key).ok()?.strip_prefix(PREFIX)?;
    let (alarm, member) = rest.split_once('/')?;
    let alarm = i32::from_str_radix(alarm, 16).ok()?;
    AlarmType::try_from(alarm).ok()?;
    Some(AlarmMember {
        member_id: u64::from_str_radix(member, 16).ok()?,
        alarm,
    })
}

/// An alarm in the words of a member's status; the blank at the end belongs to them.
#[must_use]
pub fn told(alarm: &AlarmMember) -> String {
    format!(
        "memberID:{} alarm:{} ",
        alarm.member_id,
        alarm.alarm().as_str_name()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An alarm that is remembered is found again, and nothing else is taken for one.
    #[test]
    fn keys_are_read_as_they_are_written() {
        for (member_id, kind) in [(0, AlarmType::Nospace), (u64::MAX, AlarmType::Corrupt)] {
            let alarm = AlarmMember {
                member_id,
                alarm: kind.into(),
            };
            assert_eq!(alarm_of(&key_of(&alarm)), Some(alarm));
        }
        for other in ["", "alarm/", "alarm/1", "alarm/77/1", "alarm/1/x", "user/1/1"] {
            assert_eq!(alarm_of(other.as_bytes()), None, "{other}");
        }
        let alarm = AlarmMember {
            member_id: 7,
            alarm: AlarmType::Nospace.into(),
        };
        assert_eq!(told(&alarm), "memberID:7 alarm:NOSPACE ");
    }
}
