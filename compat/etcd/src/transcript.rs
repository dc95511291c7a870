//! What was said in a session, step by step, as a text that people read and that is compared line by line.

use std::fmt;

/// What a step's title begins with in the text of a transcript.
const PROMPT: &str = "$ ";

/// One step: what was asked and the lines of what was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The command or request, one line.
    pub title: String,
    /// The answer.
    pub lines: Vec<String>,
}

/// All steps in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcript {
    /// The steps.
    pub steps: Vec<Step>,
}

impl Transcript {
    /// Adds a step. Empty lines at the end say nothing.
    pub fn add(&mut self, title: &str, answer: &str) {
        let title = title.replace('\n', "\\n");
        let lines = answer.trim_end().lines().map(|line| line.trim_end().to_owned());
        self.steps.push(Step {
            title,
            lines: lines.collect(),
        });
    }

    /// Reads what `Display` wrote.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut transcript = Self::default();
        for line in text.lines() {
            if let Some(title) = line.strip_prefix(PROMPT) {
                transcript.steps.push(Step {
                    title: title.to_owned(),
                    lines: Vec::new(),
                });
            } else if let Some(step) = transcript.steps.last_mut() {
                // Two spaces, so that no answer is ever taken for a prompt.
                step.lines.push(line.get(2..).unwrap_or_default().to_owned());
            }
        }
        transcript
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            writeln!(f, "{PROMPT}{}", step.title)?;
            for line in &step.lines {
                writeln!(f, "{}", format!("  {line}").trim_end())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: a recorded transcript is read as it was written, whatever the answers look like.
    #[test]
    fn what_is_written_is_read() {
        let mut transcript = Transcript::default();
        transcript.add("etcdctl put a b", "OK\n");
        transcript.add("etcdctl get 'x\ny'", "$ no prompt\n\n  indented  \n");
        transcript.add("etcdctl del z", "");
        assert_eq!(Transcript::parse(&transcript.to_string()), transcript);
    }
}
