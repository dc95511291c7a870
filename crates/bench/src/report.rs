//! The outcome of a benchmark: figures with their bars, as a table for people or JSON for scripts.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// What a figure must not exceed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bar {
    /// Koinon's own value, in the figure's unit.
    Value(f64),
    /// Koinon's value divided by the rival's.
    Ratio(f64),
}

#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) koinon: Option<f64>,
    pub(crate) rival: Option<f64>,
    /// What a server that only sends prepared bytes costs.
    pub(crate) floor: Option<f64>,
    /// Where it is not simply the quotient: the median of the pairs' quotients.
    pub(crate) ratio: Option<f64>,
    pub(crate) bar: Option<Bar>,
    pub(crate) note: String,
}

impl Figure {
    pub(crate) fn new(what: impl Into<String>, unit: &'static str) -> Self {
        Self {
            what: what.into(),
            unit,
            koinon: None,
            rival: None,
            floor: None,
            ratio: None,
            bar: None,
            note: String::new(),
        }
    }

    pub(crate) fn koinon(mut self, value: f64) -> Self {
        self.koinon = Some(value);
        self
    }

    pub(crate) fn rival(mut self, value: f64) -> Self {
        self.rival = Some(value);
        self
    }

    pub(crate) fn floor(mut self, value: f64) -> Self {
        self.floor = Some(value);
        self
    }

    pub(crate) fn ratio(mut self, value: f64) -> Self {
        self.ratio = Some(value);
        self
    }

    pub(crate) fn bar(mut self, bar: Bar) -> Self {
        self.bar = Some(bar);
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// `None` without a bar, or when what the bar is about was not measured.
    fn met(&self) -> Option<bool> {
        match self.bar? {
            Bar::Value(most) => self.koinon.map(|value| value <= most),
            Bar::Ratio(most) => self.ratio.map(|ratio| ratio <= most),
        }
    }

    fn bar_text(&self) -> String {
        match self.bar {
            Some(Bar::Value(most)) => format!("≤ {}", number(most)),
            Some(Bar::Ratio(most)) => format!("ratio ≤ {most}"),
            None => String::new(),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) title: String,
    pub(crate) machine: String,
    pub(crate) figures: Vec<Figure>,
    /// What was left out, and why.
    pub(crate) left_out: Vec<String>,
}

impl Report {
    pub(crate) fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    pub(crate) fn all_met(&self) -> bool {
        self.figures.iter().all(|figure| figure.met() != Some(false))
    }

    pub(crate) fn table(&self) -> Vec<String> {
        let mut lines = vec![self.title.clone(), self.machine.clone(), String::new()];
        lines.push(row([
            "figure", "unit", "koinon", "eureka", "canned", "ratio", "bar", "verdict", "note",
        ]));
        lines.extend(self.figures.iter().map(|figure| {
            let optional = |value: Option<f64>| value.map(number).unwrap_or_default();
            let verdict = figure.met().map_or("", |met| if met { "pass" } else { "MISS" });
            row([
                &figure.what,
                figure.unit,
                &optional(figure.koinon),
                &optional(figure.rival),
                &optional(figure.floor),
                &figure
                    .ratio
                    .map(|ratio| format!("{ratio:.3}"))
                    .unwrap_or_default(),
                &figure.bar_text(),
                verdict,
                &figure.note,
            ])
        }));
        lines.extend(self.left_out.iter().map(|what| format!("left out: {what}")));
        lines
    }

    pub(crate) fn json(&self) -> String {
        let figures: Vec<Value> = self
            .figures
            .iter()
            .map(|figure| {
                let bar = match figure.bar {
                    Some(Bar::Value(most)) => json!({ "value_max": most }),
                    Some(Bar::Ratio(most)) => json!({ "ratio_max": most }),
                    None => Value::Null,
                };
                json!({
                    "figure": figure.what, "unit": figure.unit, "koinon": figure.koinon, "eureka": figure.rival, "canned": figure.floor,
                    "ratio": figure.ratio, "bar": bar, "met": figure.met(), "note": figure.note,
                })
            })
            .collect();
        json!({ "title": self.title, "machine": self.machine, "figures": figures, "left_out": self.left_out })
            .to_string()
    }
}

fn row(cells: [&str; 9]) -> String {
    const WIDTHS: [usize; 9] = [52, 6, 8, 8, 8, 6, 12, 7, 0];
    let mut line = String::new();
    for (index, (cell, width)) in cells.iter().zip(WIDTHS).enumerate() {
        // Text to the left, numbers to the right. Writing to a String cannot fail.
        let _ = if (2..6).contains(&index) {
            write!(line, "{cell:>width$}  ")
        } else {
            write!(line, "{cell:<width$}  ")
        };
    }
    line.trim_end().to_owned()
}

/// Three digits that mean something.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Progress goes to stderr, so that stdout is the table or the JSON alone.
#[expect(
    clippy::print_stderr,
    reason = "a command line program: progress and problems go to stderr"
)]
pub(crate) fn warn(line: &str) {
    eprintln!("{line}");
}

#[expect(
    clippy::print_stdout,
    reason = "a command line program: the outcome goes to stdout"
)]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(koinon: f64, rival: f64, bar: Bar) -> Figure {
        Figure::new("x", "µs")
            .koinon(koinon)
            .rival(rival)
            .ratio(koinon / rival)
            .bar(bar)
    }

    /// Protects: a missed bar fails the run and shows in both outputs; what was not measured is no pass.
    #[test]
    fn a_missed_bar_is_a_miss_everywhere() {
        let mut report = Report::default();
        report.add(figure(1.0, 10.0, Bar::Ratio(0.15)));
        report.add(Figure::new("y", "MiB").bar(Bar::Value(60.0)));
        assert!(report.all_met());
        report.add(figure(61.0, 100.0, Bar::Value(60.0)));
        assert!(!report.all_met());
        let table = report.table();
        assert!(
            table[4].contains("pass") && !table[5].contains("pass") && table[6].contains("MISS"),
            "{table:#?}"
        );
        let json: Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(json["figures"][0]["met"], true);
        assert_eq!(json["figures"][1]["met"], Value::Null);
        assert_eq!(json["figures"][2]["met"], false);
    }
}
