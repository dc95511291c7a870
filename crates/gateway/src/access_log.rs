//! One line per request, written by a thread of its own.
//!
//! A worker collects lines and hands them over in pieces; when the writer falls behind, pieces are dropped and counted,
//! because a slow disk must not slow requests down.
//!
//! What stands in a line comes from anybody. JSON escapes it in its own way; the combined format does so as Apache does, so
//! that a client can neither end its field nor its line, and log readers know what they see.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;

use crate::settings::AccessLogFormat;
use crate::worker::WorkerCounts;

/// Lines are handed over when so many bytes have come together.
const PIECE_LEN: usize = 16 * 1024;
/// Pieces that may wait for the writer.
const PIECES_MAX: usize = 256;

/// What a line tells.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) peer: std::net::SocketAddr,
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) version: &'static str,
    pub(crate) referer: Option<&'a str>,
    pub(crate) user_agent: Option<&'a str>,
    pub(crate) status: u16,
    pub(crate) bytes: u64,
    pub(crate) time: Duration,
    pub(crate) route: Option<&'a str>,
    pub(crate) fault: Option<&'static str>,
    pub(crate) request_id: Option<&'a str>,
}

/// A worker's end of the log.
#[derive(Debug)]
pub(crate) struct LogSender {
    format: AccessLogFormat,
    piece: Vec<u8>,
    pieces: SyncSender<Vec<u8>>,
}

/// Starts the writer, which ends when all senders have, and then says so. `None` when nothing is to be logged.
pub(crate) fn start(
    format: AccessLogFormat,
    mut out: Box<dyn Write + Send>,
) -> std::io::Result<Option<(LogSender, oneshot::Receiver<()>)>> {
    if format == AccessLogFormat::Off {
        return Ok(None);
    }
    let (pieces, received) = sync_channel(PIECES_MAX);
    let (ended, end) = oneshot::channel();
    std::thread::Builder::new()
        .name("access-log".into())
        .spawn(move || {
            write_pieces(&received, &mut out);
            // Nobody waits any more if the receiver is gone.
            let _ = ended.send(());
        })?;
    let sender = LogSender {
        format,
        piece: Vec::new(),
        pieces,
    };
    Ok(Some((sender, end)))
}

/// Ends when the last worker has.
fn write_pieces(pieces: &Receiver<Vec<u8>>, out: &mut dyn Write) {
    let mut failed = false;
    while let Ok(piece) = pieces.recv() {
        let written = out.write_all(&piece).and_then(|()| out.flush());
        if let Err(error) = &written
            && !failed
        {
            tracing::error!(%error, "the access log cannot be written");
        }
        failed = written.is_err();
    }
}

impl LogSender {
    /// An end for another worker.
    pub(crate) fn another(&self) -> Self {
        Self {
            format: self.format,
            piece: Vec::new(),
            pieces: self.pieces.clone(),
        }
    }

    pub(crate) fn add(&mut self, line: &Line<'_>, counts: &WorkerCounts) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        match self.format {
            AccessLogFormat::Off => {}
            AccessLogFormat::Json => write_json(&mut self.piece, line, now),
            AccessLogFormat::Combined => write_combined(&mut self.piece, line, now),
        }
        if self.piece.len() >= PIECE_LEN {
            self.flush(counts);
        }
    }

    /// Hands over what has come together.
    pub(crate) fn flush(&mut self, counts: &WorkerCounts) {
        if self.piece.is_empty() {
            return;
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_LEN + 1024));
        if let Err(TrySendError::Full(piece) | TrySendError::Disconnected(piece)) =
            self.pieces.try_send(piece)
        {
            let lines = piece.iter().filter(|byte| **byte == b'\n').count();
            counts.log_dropped.fetch_add(lines as u64, Relaxed);
        }
    }
}

fn write_json(out: &mut Vec<u8>, line: &Line<'_>, now: Duration) {
    let value = serde_json::json!({
        "time": rfc3339(now),
        "remote": line.peer.ip().to_canonical().to_string(),
        "method": line.method,
        "target": line.target,
        "version": line.version,
        "status": line.status,
        "bytes": line.bytes,
        "duration_us": u64::try_from(line.time.as_micros()).unwrap_or(u64::MAX),
        "route": line.route,
        "fault": line.fault,
        "request_id": line.request_id,
        "user_agent": line.user_agent,
        "referer": line.referer,
    });
    let text = value.to_string();
    if text.chars().any(char::is_control) {
        // JSON asks only for those below a space to be escaped; a terminal obeys others, too.
        for c in text.chars() {
            match c.is_control() {
                true => out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes()),
                false => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    } else {
        out.extend_from_slice(text.as_bytes());
    }
    out.push(b'\n');
}

fn write_combined(out: &mut Vec<u8>, line: &Line<'_>, now: Duration) {
    let date = Date::of(now);
    let quoted = |text: Option<&str>| text.map_or_else(|| "-".to_owned(), escaped);
    let text = format!(
        "{} - - [{}] \"{} {} {}\" {} {} \"{}\" \"{}\"\n",
        line.peer.ip().to_canonical(),
        date.clf(),
        quoted(Some(line.method)),
        quoted(Some(line.target)),
        line.version,
        line.status,
        line.bytes,
        quoted(line.referer),
        quoted(line.user_agent),
    );
    out.extend_from_slice(text.as_bytes());
}

/// A text between quotes as Apache writes it: a backslash before quotes and backslashes, `\xhh` for each byte that is not
/// printable ASCII.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' => out.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => drop(write!(out, "\\x{byte:02x}")),
        }
    }
    out
}

/// A moment in UTC.
struct Date {
    year: i64,
    month: usize,
    day: i64,
    seconds: u64,
    millis: u32,
}

impl Date {
    /// The civil date of a Unix time, by counting eras of 400 years from 0000-03-01.
    fn of(since_1970: Duration) -> Self {
        let days = i64::try_from(since_1970.as_secs() / 86_400).unwrap_or(0) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: usize::try_from(month).unwrap_or(1),
            day: day_of_year - (153 * shifted + 2) / 5 + 1,
            seconds: since_1970.as_secs() % 86_400,
            millis: since_1970.subsec_millis(),
        }
    }

    fn time(&self) -> String {
        let s = self.seconds;
        format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    }

    fn clf(&self) -> String {
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let month = MONTHS.get(self.month.saturating_sub(1)).copied().unwrap_or("Jan");
        format!("{:02}/{month}/{}:{} +0000", self.day, self.year, self.time())
    }
}

fn rfc3339(now: Duration) -> String {
    let date = Date::of(now);
    format!(
        "{:04}-{:02}-{:02}T{}.{:03}Z",
        date.year,
        date.month,
        date.day,
        date.time(),
        date.millis
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wrong date makes a log worthless when it is needed: known moments, a leap day among them.
    #[test]
    fn moments_are_written_right() {
        assert_eq!(rfc3339(Duration::from_millis(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            rfc3339(Duration::from_millis(1_709_210_096_789)),
            "2024-02-29T12:34:56.789Z"
        );
        assert_eq!(
            Date::of(Duration::from_secs(1_000_000_000)).clf(),
            "09/Sep/2001:01:46:40 +0000"
        );
    }

    fn line() -> Line<'static> {
        Line {
            peer: "127.0.0.1:5".parse().unwrap(),
            method: "GET",
            target: "/a\"b",
            version: "HTTP/1.1",
            referer: None,
            user_agent: Some("x\"\n'é\\"),
            status: 200,
            bytes: 12,
            time: Duration::from_micros(7),
            route: Some("r"),
            fault: None,
            request_id: None,
        }
    }

    /// A client must not be able to write lines of its own into the log.
    #[test]
    fn what_a_client_sends_stays_in_its_field() {
        let mut out = Vec::new();
        write_combined(&mut out, &line(), Duration::ZERO);
        write_json(&mut out, &line(), Duration::ZERO);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 2);
        let (combined, json) = text.split_once('\n').unwrap();
        assert!(
            combined.ends_with(r#""GET /a\"b HTTP/1.1" 200 12 "-" "x\"\x0a'\xc3\xa9\\""#),
            "{combined}"
        );
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(json["user_agent"], "x\"\n'é\\");
    }
}
