//! Law 3: random edits of a head beside the same edits of a plain list.

use super::message::{Kind, Pairs, Stop};
use super::{ours, reference};
use crate::{Fields, Limits, RequestHead, ResponseHead};

/// Names that edits choose from: decisive ones, one like them, one in two cases, ones that are no token.
const NAMES: [&str; 13] = [
    "Host",
    "content-length",
    "Transfer-Encoding",
    "Connection",
    "Content_Length",
    "X-A",
    "x-a",
    "X-B",
    "",
    "X A",
    "X-A:",
    "X-\r\nA",
    "Ä",
];
const EDITS_MAX: usize = 64;

/// Takes edits off the input.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::from(self.byte()? & 31).min(self.0.len());
        let (bytes, rest) = self.0.split_at(len);
        self.0 = rest;
        Some(bytes)
    }

    fn name(&mut self) -> Option<&'static str> {
        NAMES.get(usize::from(self.byte()?) % NAMES.len()).copied()
    }
}

/// Applies a script of edits to a request or a response, and holds what is written to the law.
///
/// # Panics
/// If it breaks it.
pub fn check(input: &[u8]) {
    let mut script = Script(input);
    let (Some(choice), Some(target)) = (script.byte(), script.bytes()) else {
        return;
    };
    let target = String::from_utf8_lossy(target);
    match choice & 1 {
        0 => check_request(choice, &target, &mut script),
        _ => check_response(choice, &mut script),
    }
}

fn check_request(choice: u8, target: &str, script: &mut Script<'_>) {
    let method = ["GET", "OPTIONS", "CONNECT", "G T"][usize::from(choice >> 1) & 3];
    let mut head = RequestHead::default();
    let mut model = Pairs::new();
    // A head that was read, or one that is built.
    let text = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    if head.parse(text.as_bytes(), &Limits::default()).is_ok() {
        model.push((b"Host".to_vec(), b"a".to_vec()));
    } else if !head.start(method, "/built", None) {
        return;
    }
    for _ in 0..EDITS_MAX {
        let Some(edit) = script.byte() else { break };
        let done = match edit % 11 {
            0 => set_target(&mut head, script),
            1 => set_method(&mut head, script),
            8 => set_path(&mut head, script),
            9 => cut_path(&mut head, script),
            10 => to_origin_form(&mut head),
            edit => edit_fields(head.fields_mut(), &mut model, edit, script),
        };
        if done.is_none() {
            break;
        }
        assert_eq!(ours::pairs(head.fields()), model);
    }
    let mut out = Vec::new();
    head.write(&mut out);
    let line = format!("{} {} HTTP/1.1", head.method(), head.target());
    says(&out, &line, &model);
    judged_alike(Kind::Request, &out);
}

fn check_response(choice: u8, script: &mut Script<'_>) {
    let mut head = ResponseHead::default();
    head.start(u16::from(choice) * 3);
    let mut model = Pairs::new();
    for _ in 0..EDITS_MAX {
        let Some(edit) = script.byte() else { break };
        let done = match edit % 8 {
            0 | 1 => script.byte().map(|status| head.set_status(u16::from(status) * 3)),
            edit => edit_fields(head.fields_mut(), &mut model, edit, script),
        };
        if done.is_none() {
            break;
        }
        assert_eq!(ours::pairs(head.fields()), model);
    }
    let mut out = Vec::new();
    head.write(&mut out);
    let line = format!(
        "HTTP/1.1 {} {}",
        head.status(),
        crate::response::reason(head.status())
    );
    says(&out, &line, &model);
    judged_alike(Kind::Response { answers_head: false }, &out);
}

fn set_target(head: &mut RequestHead, script: &mut Script<'_>) -> Option<()> {
    let before = head.target().to_owned();
    let text = String::from_utf8_lossy(script.bytes()?);
    let (path, query) = match text.split_once('\u{1}') {
        Some((path, query)) => (path, Some(query)),
        None => (&*text, None),
    };
    let set = head.set_path_and_query(path, query);
    let wanted = composed(path, query);
    assert_eq!(head.target(), if set { wanted } else { before });
    Some(())
}

fn set_path(head: &mut RequestHead, script: &mut Script<'_>) -> Option<()> {
    let before = (head.target().to_owned(), head.query().map(str::to_owned));
    let path = String::from_utf8_lossy(script.bytes()?);
    let wanted = match head.set_path(&path) {
        true => composed(&path, before.1.as_deref()),
        false => before.0,
    };
    assert_eq!(head.target(), wanted);
    assert_eq!(head.query(), before.1.as_deref());
    Some(())
}

fn cut_path(head: &mut RequestHead, script: &mut Script<'_>) -> Option<()> {
    let before = head.target().to_owned();
    let query = head.query().map(str::to_owned);
    let bytes = usize::from(script.byte()? & 15);
    let wanted = match head.cut_path(bytes) {
        true => before.get(bytes..).map(str::to_owned).unwrap_or_default(),
        false => before,
    };
    assert_eq!((head.target(), head.query()), (&*wanted, query.as_deref()));
    Some(())
}

fn to_origin_form(head: &mut RequestHead) -> Option<()> {
    let before = head.target().to_owned();
    let wanted = composed(head.path(), head.query());
    let done = head.to_origin_form();
    assert_eq!(head.target(), if done { wanted } else { before });
    assert_eq!(done, head.target().starts_with('/'));
    Some(())
}

fn composed(path: &str, query: Option<&str>) -> String {
    query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))
}

fn set_method(head: &mut RequestHead, script: &mut Script<'_>) -> Option<()> {
    let before = head.method().to_owned();
    let choices = ["GET", "POST", "CONNECT", "OPTIONS", "", "G T", "x\r\n"];
    let wanted = choices.get(usize::from(script.byte()?) % choices.len())?;
    let set = head.set_method(wanted);
    assert_eq!(head.method(), if set { wanted } else { &*before });
    Some(())
}

/// One edit of both.
fn edit_fields(fields: &mut Fields, model: &mut Pairs, edit: u8, script: &mut Script<'_>) -> Option<()> {
    let name = script.name()?;
    let is_named = |field: &(Vec<u8>, Vec<u8>)| field.0.eq_ignore_ascii_case(name.as_bytes());
    let first = model.iter().position(is_named);
    match edit {
        2 | 3 => {
            let value = script.bytes()?;
            if fields.add(name, value) {
                model.push((name.into(), trimmed(value)));
            }
        }
        4 | 5 => {
            let value = script.bytes()?;
            if fields.set(name, value) {
                let at = first.unwrap_or(model.len());
                let kept = first.map_or_else(
                    || name.into(),
                    |at| model.get(at).map(|f| f.0.clone()).unwrap_or_default(),
                );
                model.retain(|field| !is_named(field));
                model.insert(at, (kept, trimmed(value)));
            }
        }
        6 => {
            assert_eq!(fields.remove(name), first.is_some());
            model.retain(|field| !is_named(field));
        }
        _ => {
            fields.remove_if(|field| field.value.is_empty());
            model.retain(|field| !field.1.is_empty());
        }
    }
    Some(())
}

fn trimmed(value: &[u8]) -> Vec<u8> {
    let is_space = |byte: &&u8| matches!(byte, b' ' | b'\t');
    let mut value: Vec<u8> = value.iter().skip_while(is_space).copied().collect();
    while value.last().is_some_and(|last| is_space(&last)) {
        value.pop();
    }
    value
}

/// The bytes are one head with this start line and these fields, and nothing behind it.
fn says(out: &[u8], line: &str, fields: &Pairs) {
    let (head, end) = reference::head(out).unwrap_or_else(|stop| panic!("{stop:?}: {}", out.escape_ascii()));
    assert_eq!(end, out.len(), "{}", out.escape_ascii());
    assert_eq!(head.start_line, line.as_bytes());
    assert_eq!(&head.fields, fields);
}

/// Fields that edits made contradictory are refused by every reader, others by none.
fn judged_alike(kind: Kind, out: &[u8]) {
    let (theirs, ours) = (
        reference::read(kind, out),
        ours::read(kind, out, usize::MAX, &Limits::default()),
    );
    let refuses = |stop| stop == Stop::Malformed;
    assert_eq!(refuses(theirs.1), refuses(ours.1), "{}", out.escape_ascii());
    assert_eq!(theirs.0.len(), ours.0.len(), "{}", out.escape_ascii());
}
