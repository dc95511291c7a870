//! What a plain scalar means in the YAML 1.1 that Spring reads: the text of the value it becomes there.
//!
//! Source: the YAML 1.1 type repository (bool, int, float, null) and Spring's conversion of such values to text.

/// The text of the value that `plain` stands for.
pub(super) fn resolve(plain: &str) -> String {
    match plain {
        "" | "~" | "null" | "Null" | "NULL" => String::new(),
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => "true".to_owned(),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => "false".to_owned(),
        _ => integer(plain)
            .map(|number| number.to_string())
            .or_else(|| float(plain))
            .unwrap_or_else(|| plain.to_owned()),
    }
}

/// Decimal with `_`, `0x`, `0b`, octal with a leading 0, base 60 with `:`.
fn integer(plain: &str) -> Option<i128> {
    let (negative, digits) = sign(plain);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) || digits.len() > 40 {
        return None;
    }
    let value = magnitude(digits)?;
    Some(if negative { -value } else { value })
}

fn magnitude(digits: &str) -> Option<i128> {
    let clean: String = digits.chars().filter(|c| *c != '_').collect();
    if let Some(hex) = clean.strip_prefix("0x") {
        return unsigned(hex, 16);
    }
    if let Some(binary) = clean.strip_prefix("0b") {
        return unsigned(binary, 2);
    }
    if clean.contains(':') {
        return base_60(&clean);
    }
    match clean.strip_prefix('0') {
        Some("") => Some(0),
        Some(octal) => unsigned(octal, 8),
        None => unsigned(&clean, 10),
    }
}

fn unsigned(digits: &str, radix: u32) -> Option<i128> {
    // `from_str_radix` would take a second sign
    let all_digits = digits.chars().all(|c| c.is_digit(radix));
    (all_digits && !digits.is_empty())
        .then(|| i128::from_str_radix(digits, radix).ok())
        .flatten()
}

fn base_60(digits: &str) -> Option<i128> {
    let mut places = digits.split(':');
    let first = places.next().filter(|d| !d.starts_with('0'))?;
    places.try_fold(unsigned(first, 10)?, |sum, place| {
        let value = unsigned(place, 10).filter(|v| *v < 60 && place.len() <= 2)?;
        sum.checked_mul(60)?.checked_add(value)
    })
}

/// A decimal fraction as Java prints it; out of the range that Java prints plainly it stays as written.
fn float(plain: &str) -> Option<String> {
    let (_, digits) = sign(plain);
    let plain_fraction = digits.len() <= 20
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.matches('.').count() == 1
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    if !plain_fraction {
        return None;
    }
    let value: f64 = plain.parse().ok()?;
    let printed_plainly = value == 0.0 || (1e-3..1e7).contains(&value.abs());
    printed_plainly.then(|| format!("{value:?}"))
}

fn sign(plain: &str) -> (bool, &str) {
    match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain.strip_prefix('+').unwrap_or(plain)),
    }
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn plain_scalars_read_as_yaml_1_1() {
        // protects: a header value or flag written as `yes`, 010 or 1.10 means here what it meant in Spring
        let table = [
            ("yes", "true"),
            ("Off", "false"),
            ("~", ""),
            ("401", "401"),
            ("010", "8"),
            ("0x1F", "31"),
            ("1_000", "1000"),
            ("12:30", "750"),
            ("-5", "-5"),
            ("1.10", "1.1"),
            ("2.0", "2.0"),
            ("1.2.3", "1.2.3"),
            ("08", "08"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("-", "-"),
            ("--1", "--1"),
            ("Path=/a", "Path=/a"),
        ];
        for (written, meant) in table {
            assert_eq!(resolve(written), meant, "{written}");
        }
    }
}
