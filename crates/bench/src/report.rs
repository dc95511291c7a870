//! The outcome of a benchmark: figures with their bars, as a table for people or JSON for scripts.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::proc;

pub(crate) const KOINON: &str = "koinon";

/// What a figure must hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bar {
    /// Koinon's own value, in the figure's unit.
    Value(f64),
    /// Koinon's value divided by the rival's.
    Ratio(f64),
    /// The same, where more is better.
    RatioMin(f64),
}

#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    /// Who was measured, and the value.
    values: Vec<(&'static str, f64)>,
    /// Koinon's value beside a rival's: the median of the pairs' quotients.
    pub(crate) ratio: Option<f64>,
    pub(crate) bar: Option<Bar>,
    pub(crate) note: String,
}

impl Figure {
    pub(crate) fn new(what: impl Into<String>, unit: &'static str) -> Self {
        Self {
            what: what.into(),
            unit,
            values: Vec::new(),
            ratio: None,
            bar: None,
            note: String::new(),
        }
    }

    /// The value of the one with this name, which is one of the report's columns.
    pub(crate) fn of(mut self, who: &'static str, value: f64) -> Self {
        self.values.push((who, value));
        self
    }

    pub(crate) fn koinon(self, value: f64) -> Self {
        self.of(KOINON, value)
    }

    fn value(&self, who: &str) -> Option<f64> {
        let found = self.values.iter().find(|(name, _)| *name == who);
        found.map(|(_, value)| *value)
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
            Bar::Value(most) => self.value(KOINON).map(|value| value <= most),
            Bar::Ratio(most) => self.ratio.map(|ratio| ratio <= most),
            Bar::RatioMin(least) => self.ratio.map(|ratio| ratio >= least),
        }
    }

    fn bar_text(&self) -> String {
        match self.bar {
            Some(Bar::Value(most)) => format!("≤ {}", number(most)),
            Some(Bar::Ratio(most)) => format!("ratio ≤ {most}"),
            Some(Bar::RatioMin(least)) => format!("ratio ≥ {least}"),
            None => String::new(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Report {
    title: String,
    machine: String,
    /// Who is measured: Koinon, then the others.
    columns: &'static [&'static str],
    figures: Vec<Figure>,
    /// What was left out, and why.
    pub(crate) left_out: Vec<String>,
}

impl Report {
    pub(crate) fn new(scenario: &str, quick: bool, columns: &'static [&'static str]) -> Self {
        let warning = if quick {
            " --quick (shows that it runs; the figures mean little)"
        } else {
            ""
        };
        Self {
            title: format!("bench {scenario}{warning}"),
            machine: proc::machine(),
            columns,
            figures: Vec::new(),
            left_out: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    pub(crate) fn all_met(&self) -> bool {
        self.figures.iter().all(|figure| figure.met() != Some(false))
    }

    pub(crate) fn table(&self) -> Vec<String> {
        let mut lines = vec![self.title.clone(), self.machine.clone(), String::new()];
        let mut names = vec!["figure", "unit"];
        names.extend(self.columns);
        names.extend(["ratio", "bar", "verdict", "note"]);
        lines.push(row(&names));
        lines.extend(self.figures.iter().map(|figure| self.line(figure)));
        lines.extend(self.left_out.iter().map(|what| format!("left out: {what}")));
        lines
    }

    fn line(&self, figure: &Figure) -> String {
        let values: Vec<String> = self
            .columns
            .iter()
            .map(|who| figure.value(who).map(number).unwrap_or_default())
            .collect();
        let ratio = figure
            .ratio
            .map(|ratio| format!("{ratio:.3}"))
            .unwrap_or_default();
        let bar = figure.bar_text();
        let verdict = figure.met().map_or("", |met| if met { "pass" } else { "MISS" });
        let mut cells = vec![figure.what.as_str(), figure.unit];
        cells.extend(values.iter().map(String::as_str));
        cells.extend([ratio.as_str(), &bar, verdict, &figure.note]);
        row(&cells)
    }

    pub(crate) fn json(&self) -> String {
        let figures: Vec<Value> = self.figures.iter().map(|figure| self.entry(figure)).collect();
        json!({ "title": self.title, "machine": self.machine, "figures": figures, "left_out": self.left_out })
            .to_string()
    }

    fn entry(&self, figure: &Figure) -> Value {
        let bar = match figure.bar {
            Some(Bar::Value(most)) => json!({ "value_max": most }),
            Some(Bar::Ratio(most)) => json!({ "ratio_max": most }),
            Some(Bar::RatioMin(least)) => json!({ "ratio_min": least }),
            None => Value::Null,
        };
        let mut entry = json!({
            "figure": figure.what, "unit": figure.unit, "ratio": figure.ratio, "bar": bar,
            "met": figure.met(), "note": figure.note,
        });
        for who in self.columns {
            entry[*who] = json!(figure.value(who));
        }
        entry
    }
}

/// What, unit, a value for each column, then ratio, bar, verdict and note.
fn row(cells: &[&str]) -> String {
    let numbers = 2..cells.len() - 3;
    let mut line = String::new();
    for (index, cell) in cells.iter().enumerate() {
        let width = match index {
            0 => 52,
            1 => 6,
            _ if index + 1 == cells.len() => 0,
            _ if index + 3 == cells.len() => 12,
            _ => 8,
        };
        // Text to the left, numbers to the right. Writing to a String cannot fail.
        let _ = if numbers.contains(&index) {
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
            .of("eureka", rival)
            .ratio(koinon / rival)
            .bar(bar)
    }

    /// Protects: a missed bar fails the run and shows in both outputs; what was not measured is no pass.
    #[test]
    fn a_missed_bar_is_a_miss_everywhere() {
        let mut report = Report::new("x", false, &[KOINON, "eureka"]);
        report.add(figure(1.0, 10.0, Bar::Ratio(0.15)));
        report.add(Figure::new("y", "MiB").bar(Bar::Value(60.0)));
        assert!(report.all_met());
        report.add(figure(61.0, 100.0, Bar::Value(60.0)));
        assert!(!report.all_met());
        assert_eq!(figure(1.0, 2.0, Bar::RatioMin(1.4)).met(), Some(false));
        assert_eq!(figure(3.0, 2.0, Bar::RatioMin(1.4)).met(), Some(true));
        let table = report.table();
        assert!(
            table[4].contains("pass") && !table[5].contains("pass") && table[6].contains("MISS"),
            "{table:#?}"
        );
        let json: Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(json["figures"][0]["met"], true);
        assert_eq!(json["figures"][0]["eureka"], 10.0);
        assert_eq!(json["figures"][1]["met"], Value::Null);
        assert_eq!(json["figures"][2]["met"], false);
    }
}
