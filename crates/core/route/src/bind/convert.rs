//! Texts become booleans, numbers and durations by Spring's rules.

use std::time::Duration;

/// `true`, `on`, `yes`, `1` and their opposites, in any case.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "1" => Some(true),
        "false" | "off" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// A whole number, decimal or with `0x` or `#`.
pub(super) fn integer(text: &str) -> Option<i32> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let hex = ["0x", "0X", "#"]
        .iter()
        .find_map(|prefix| digits.strip_prefix(prefix));
    let (digits, radix) = hex.map_or((digits, 10), |hex| (hex, 16));
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let value = i64::from_str_radix(digits, radix).ok()?;
    i32::try_from(if negative { -value } else { value }).ok()
}

/// `10ms`, `5s`, `PT5S`, a bare number of milliseconds; not negative.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.starts_with(['P', 'p']) {
        return iso_8601(text);
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let of = |seconds: u64| number.checked_mul(seconds).map(Duration::from_secs);
    match unit.to_ascii_lowercase().as_str() {
        "ns" => Some(Duration::from_nanos(number)),
        "us" => Some(Duration::from_micros(number)),
        "" | "ms" => Some(Duration::from_millis(number)),
        "s" => of(1),
        "m" => of(60),
        "h" => of(3_600),
        "d" => of(86_400),
        _ => None,
    }
}

/// `P1DT2H3M4.5S`: days, hours, minutes, seconds, in this order, at least one.
fn iso_8601(text: &str) -> Option<Duration> {
    let upper = text.to_ascii_uppercase();
    let body = upper.strip_prefix('P')?;
    let (days, time) = body
        .split_once('T')
        .map_or((body, None), |(days, time)| (days, Some(time)));
    if time == Some("") || (days.is_empty() && time.is_none()) {
        return None;
    }
    let mut total = Duration::ZERO;
    let mut left = days;
    take_unit(&mut left, 'D', 86_400, &mut total)?;
    if !left.is_empty() {
        return None;
    }
    let mut left = time.unwrap_or_default();
    take_unit(&mut left, 'H', 3_600, &mut total)?;
    take_unit(&mut left, 'M', 60, &mut total)?;
    if let Some(seconds) = left.strip_suffix('S') {
        let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
        let digits = |text: &str| (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return None;
        }
        let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
        total = total.checked_add(Duration::new(whole.parse().ok()?, nanos))?;
        left = "";
    }
    left.is_empty().then_some(total)
}

/// Takes `12H` from the front of `left` when its unit is there; `None` when the number before it is none.
fn take_unit(left: &mut &str, unit: char, seconds: u64, total: &mut Duration) -> Option<()> {
    let Some((number, rest)) = left.split_once(unit) else {
        return Some(());
    };
    let number = number.bytes().all(|b| b.is_ascii_digit()).then_some(number)?;
    let number: u64 = number.parse().ok()?;
    *total = total.checked_add(Duration::from_secs(number.checked_mul(seconds)?))?;
    *left = rest;
    Some(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{boolean, duration, integer};

    #[test]
    fn durations_read_as_in_spring() {
        // protects: a timeout of a file is neither refused nor a thousand times too long
        let table = [
            ("250", Some(250)),
            ("250ms", Some(250)),
            ("5s", Some(5_000)),
            ("2M", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("1d", Some(86_400_000)),
            ("PT5S", Some(5_000)),
            ("pt1.5s", Some(1_500)),
            ("PT1H2M3S", Some(3_723_000)),
            ("P1DT1S", Some(86_401_000)),
            ("P1D", Some(86_400_000)),
            ("5 s", None),
            ("5x", None),
            ("", None),
            ("-5s", None),
            ("P", None),
            ("PT", None),
            ("PT5", None),
            ("PT1S2M", None),
            ("1.5s", None),
            ("99999999999999999999", None),
            ("PT99999999999999999H", None),
            ("18446744073709551615d", None),
        ];
        for (written, milliseconds) in table {
            assert_eq!(
                duration(written),
                milliseconds.map(Duration::from_millis),
                "{written}"
            );
        }
    }

    #[test]
    fn numbers_and_booleans_read_as_in_spring() {
        // protects: `order` and switches, and that a typing error is not taken for 0 or false
        let table = [
            ("7", Some(7)),
            ("-1", Some(-1)),
            ("+2", Some(2)),
            ("0x10", Some(16)),
            ("2147483647", Some(i32::MAX)),
            ("-2147483648", Some(i32::MIN)),
            ("2147483648", None),
            ("99999999999999999999", None),
            ("", None),
            ("1.5", None),
            ("--1", None),
            ("ten", None),
        ];
        for (written, expected) in table {
            assert_eq!(integer(written), expected, "{written}");
        }
        assert_eq!(boolean(" TRUE "), Some(true));
        assert_eq!(boolean("off"), Some(false));
        assert_eq!(boolean("maybe"), None);
        assert_eq!(boolean(""), None);
    }
}
