//! Tables for people: columns as wide as their widest cell, two spaces between.

/// A cell without a value.
pub(crate) const NOTHING: &str = "-";

/// Names come from anybody: what would move the cursor or colour the terminal is shown, not sent.
pub(crate) fn printable(text: &str) -> String {
    let shown = text.chars().map(|c| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    });
    shown.collect()
}

pub(crate) fn layout<const N: usize>(rows: Vec<[String; N]>) -> String {
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns line up whatever is in them, and no line has trailing spaces.
    #[test]
    fn columns_line_up() {
        let rows = vec![["ID", "N"], ["größe", "1"], ["x", "22"]]
            .into_iter()
            .map(|row| row.map(str::to_owned));
        assert_eq!(layout(rows.collect()), "ID     N\ngröße  1\nx      22");
    }

    /// An id with escape sequences must not draw on the terminal.
    #[test]
    fn control_characters_are_shown() {
        assert_eq!(printable("a\u{1b}[31mb\n"), "a\\u{1b}[31mb\\n");
    }
}
