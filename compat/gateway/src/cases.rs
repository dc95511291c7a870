//! The test cases of `http_desync_guardian`, read where `cargo xtask test compat` puts the crate's source.
//!
//! A case is a head in parts, and how the detector classifies it. Its parts are put together as the detector's own
//! tests do.

use std::path::{Path, PathBuf};
use std::{env, fs};

use granit_parser::{Event, Parser};
use koinon_testkit::{Error, Result};

/// Overrides the folder with the prepared things.
const FOLDER_VARIABLE: &str = "KOINON_COMPAT_GATEWAY";
const PREPARED: &str = "../../target/compat/gateway";
const TESTS: &str = "desync/http_desync_guardian/tests";

/// How dangerous the detector finds a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Nothing wrong with it.
    Compliant,
    /// Wrong, and nobody is misled.
    Acceptable,
    /// Readers may disagree about its end.
    Ambiguous,
    /// Made for it.
    Severe,
}

/// One case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The file it is in.
    pub file: String,
    /// Its name there.
    pub name: String,
    /// What the detector says of it.
    pub tier: Tier,
    /// And why.
    pub reason: String,
    /// The head as text.
    pub head: String,
}

impl Case {
    /// The head's bytes: one for each character of Latin-1, UTF-8 for others.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for c in self.head.chars() {
            match u8::try_from(c) {
                Ok(byte) => bytes.push(byte),
                Err(_) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        bytes
    }
}

/// All cases of all files.
///
/// # Errors
/// [`Error::Missing`] when they were not prepared, [`Error::File`] when they cannot be read.
pub fn load() -> Result<Vec<Case>> {
    let folder = env::var_os(FOLDER_VARIABLE).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join(PREPARED),
        PathBuf::from,
    );
    let folder = folder.join(TESTS);
    let files = fs::read_dir(&folder).map_err(|_| Error::Missing {
        what: format!("the cases of http_desync_guardian ({})", folder.display()),
        get: "`cargo xtask test compat` fetches them".into(),
    })?;
    let mut paths: Vec<PathBuf> = files.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|source| Error::File {
            path: path.clone(),
            source,
        })?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        cases.extend(cases_of(&file, &text));
    }
    Ok(cases)
}

/// What a YAML text holds, without what nobody needs here.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(pairs) = self else { return None };
        let found = pairs.iter().find(|(name, _)| *name == Self::Text(key.into()));
        found.map(|(_, node)| node)
    }

    fn text(&self, key: &str) -> String {
        match self.get(key) {
            Some(Self::Text(text)) => unescaped(text),
            Some(Self::List(_) | Self::Map(_)) | None => String::new(),
        }
    }

    fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            Self::Text(_) | Self::Map(_) => &[],
        }
    }
}

fn cases_of(file: &str, text: &str) -> Vec<Case> {
    let root = parse(text).unwrap_or_else(|| panic!("{file} is not the YAML that was expected"));
    let case = |node: &Node| {
        let expected = node.get("expected").unwrap_or_else(|| panic!("{file}: {node:?}"));
        Case {
            file: file.to_owned(),
            // Names are shown and listed as they are written.
            name: match node.get("name") {
                Some(Node::Text(name)) => name.clone(),
                _ => panic!("{file}: a case has no name"),
            },
            tier: match &*expected.text("tier") {
                "Compliant" => Tier::Compliant,
                "Acceptable" => Tier::Acceptable,
                "Ambiguous" => Tier::Ambiguous,
                "Severe" => Tier::Severe,
                other => panic!("{file}: there is no tier {other:?}"),
            },
            reason: expected.text("reason"),
            head: head_of(node),
        }
    };
    root.items().iter().map(case).collect()
}

/// The head as the detector's tests write it. The cases leave out `Host`, which is not their subject; one is added, so
/// that its absence is not what a request is refused for.
fn head_of(case: &Node) -> String {
    let mut head = format!(
        "{} {} {}\r\n",
        case.text("method"),
        case.text("uri"),
        case.text("version")
    );
    let headers = case.get("headers").map(Node::items).unwrap_or_default();
    if !headers
        .iter()
        .any(|header| header.text("name").eq_ignore_ascii_case("host"))
    {
        head.push_str("Host: example.com\r\n");
    }
    for header in headers {
        head.push_str(&format!("{}: {}\r\n", header.text("name"), header.text("value")));
    }
    head + "\r\n"
}

/// The cases escape a second time what YAML has not unescaped.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some('x') => {
                    let digits: String = rest.by_ref().take(2).collect();
                    out.extend(u8::from_str_radix(&digits, 16).ok().map(char::from));
                }
                Some('b') => out.push('\u{8}'),
                Some('f') => out.push('\u{c}'),
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                other => out.extend(other),
            },
            c => out.push(c),
        }
    }
    out
}

/// The text's one document; `None` if it is no YAML.
fn parse(text: &str) -> Option<Node> {
    let mut open: Vec<Vec<Node>> = vec![Vec::new()];
    for event in Parser::new_from_str(text) {
        let event = event.ok()?.0;
        if matches!(event, Event::SequenceStart(..) | Event::MappingStart(..)) {
            open.push(Vec::new());
            continue;
        }
        let node = if let Event::Scalar(text, ..) = event {
            Node::Text(text.into_owned())
        } else if matches!(event, Event::SequenceEnd) {
            Node::List(open.pop()?)
        } else if matches!(event, Event::MappingEnd) {
            let flat = open.pop()?;
            let pairs = flat
                .chunks_exact(2)
                .map(|pair| (pair[0].clone(), pair[1].clone()));
            Node::Map(pairs.collect())
        } else {
            continue;
        };
        open.last_mut()?.push(node);
    }
    open.pop()?.pop()
}
