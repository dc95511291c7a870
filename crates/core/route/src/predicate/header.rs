//! `Header=header[, regexp]`: the request has the header, or one of its values matches as a whole.
//!
//! As in Spring a line is a list: values are what stands between commas, trimmed, empty ones left out, and a
//! quoted one may have commas in it.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Matcher, Subject};
use crate::arguments::{ArgumentError, Arguments, Shape};
use crate::escape::is_token;
use crate::kind::Kind;
use crate::pattern::JavaRegex;

pub(super) const KIND: Kind<dyn Matcher> = Kind {
    name: "Header",
    keys: &["header", "regexp"],
    shape: Shape::Plain,
    make,
};

fn make(arguments: &mut Arguments<'_>) -> Result<Arc<dyn Matcher>, ArgumentError> {
    let name = arguments.text("header")?;
    if !is_token(&name.value) {
        let what = format!("{:?} is not the name of a header", name.value);
        return Err(ArgumentError::new(name.place, what));
    }
    let regex = arguments.optional("regexp").map(|text| {
        JavaRegex::whole(&text.value).map_err(|error| ArgumentError::new(text.place, error.to_string()))
    });
    Ok(Arc::new(Header {
        name: name.value.clone(),
        regex: regex.transpose()?,
    }))
}

struct Header {
    name: String,
    regex: Option<JavaRegex>,
}

impl Matcher for Header {
    fn matches(&self, subject: &Subject<'_>) -> bool {
        let mut found = false;
        subject.request.each_header(&self.name, &mut |line| {
            let line = String::from_utf8_lossy(line);
            found = any_value(&line, &|value| {
                self.regex.as_ref().is_none_or(|regex| regex.is_match(value))
            });
            !found
        });
        found
    }

    fn why_not(&self, subject: &Subject<'_>) -> String {
        let mut lines = Vec::new();
        subject.request.each_header(&self.name, &mut |line| {
            lines.push(String::from_utf8_lossy(line).into_owned());
            lines.len() < 8
        });
        if lines.is_empty() {
            format!("there is no {}", self.name)
        } else {
            format!("{} is {}", self.name, lines.join(", "))
        }
    }
}

/// Whether `fits` holds for one of the values of a line.
fn any_value(line: &str, fits: &dyn Fn(&str) -> bool) -> bool {
    if !line.contains('"') {
        return line
            .split(',')
            .map(str::trim)
            .any(|value| !value.is_empty() && fits(value));
    }
    quoted_values(line).iter().any(|value| fits(value))
}

/// The values of a line with quotes in it: a `"` at a value's start quotes, `\` takes the next character as it is.
fn quoted_values(line: &str) -> Vec<Cow<'_, str>> {
    let mut values = Vec::new();
    let (mut value, mut quoted) = (String::new(), false);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted => quoted = false,
            '"' if value.trim().is_empty() => {
                value.clear();
                quoted = true;
            }
            '\\' if quoted => value.extend(chars.next()),
            ',' if !quoted => push(&mut values, &mut value),
            _ => value.push(c),
        }
    }
    push(&mut values, &mut value);
    values
}

fn push(values: &mut Vec<Cow<'_, str>>, value: &mut String) {
    let trimmed = value.trim();
    if !trimmed.is_empty() {
        values.push(Cow::Owned(trimmed.to_owned()));
    }
    value.clear();
}

#[cfg(test)]
mod tests {
    use super::quoted_values;

    #[test]
    fn quotes_keep_commas() {
        // protects: one value is not taken for two
        let table: [(&str, &[&str]); 5] = [
            (r#"a, "b, c" ,d"#, &["a", "b, c", "d"]),
            (r#""a\"b""#, &["a\"b"]),
            (r#"a"b,c"#, &["a\"b", "c"]),
            (r#""", ,"#, &[]),
            (r#""open, end"#, &["open, end"]),
        ];
        for (line, expected) in table {
            assert_eq!(quoted_values(line), expected, "{line}");
        }
    }
}
