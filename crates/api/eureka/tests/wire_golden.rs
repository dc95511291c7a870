//! The wire formats beside recordings of a Spring Cloud Eureka server (Spring Cloud 2025.1, Eureka 2.0.6).
//!
//! `data/wire_lists.txt` holds what it answered; each answer, read and written again, must give the same bytes.
//! `data/wire_registrations.txt` holds what it was sent and what it then showed of the instance; each request, read
//! and completed by what a server fills in, must give the same bytes.

#![expect(
    clippy::unwrap_used,
    reason = "a recording that cannot be read is a failed test"
)]

use koinon_api_eureka::wire::{
    ActionType, Applications, Detail, Encoder, Format, InstanceInfo, LeaseInfo, Pairs, Status,
};

const LISTS: &str = include_str!("data/wire_lists.txt");
const REGISTRATIONS: &str = include_str!("data/wire_registrations.txt");

/// A recorded section: its name, and its parts as (heading, body).
struct Section {
    name: &'static str,
    parts: Vec<(&'static str, String)>,
}

impl Section {
    fn part(&self, heading: &str) -> Option<&str> {
        self.parts
            .iter()
            .find(|(it, _)| *it == heading)
            .map(|(_, body)| &**body)
    }

    fn first(&self) -> (&str, &str) {
        (self.parts[0].0, &self.parts[0].1)
    }
}

fn sections(text: &'static str) -> Vec<Section> {
    text.split("#### ").skip(1).map(section).collect()
}

fn section(text: &'static str) -> Section {
    let mut lines = text.lines();
    let name = lines.next().unwrap();
    let mut parts: Vec<(&str, String)> = Vec::new();
    for line in lines {
        if let Some(heading) = line.strip_prefix("<<< ").or_else(|| line.strip_prefix(">>> ")) {
            parts.push((heading, String::new()));
            continue;
        }
        let (_, body) = parts.last_mut().unwrap();
        if !body.is_empty() {
            body.push('\n');
        }
        body.push_str(line);
    }
    Section { name, parts }
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

fn format_of(body: &str) -> Format {
    if body.starts_with('{') {
        Format::Json
    } else {
        Format::Xml
    }
}

/// Reads the body for one application by putting it into a list.
fn decode_application(format: Format, body: &str) -> Applications<'static> {
    let list = match format {
        Format::Json => format!("{{\"applications\":{body}}}"),
        Format::Xml => format!("<applications>{body}</applications>"),
    };
    format.decode_applications(list.as_bytes()).unwrap()
}

/// Writes a list again in every variant that was recorded of it.
fn check_list(list: &Applications<'static>, siblings: &[(Encoder, &str)], name: &str) {
    for (encoder, body) in siblings {
        assert_eq!(
            written(|out| encoder.write_applications_root(out, list)),
            *body,
            "{name} {encoder:?}"
        );
    }
}

fn variant(heading: &str) -> (&str, Encoder) {
    let words: Vec<&str> = heading.split(' ').collect();
    let format = if words[1] == "json" {
        Format::Json
    } else {
        Format::Xml
    };
    let detail = if words[2] == "full" {
        Detail::Full
    } else {
        Detail::Compact
    };
    (words[0], Encoder::new(format, detail))
}

/// A client must not be able to tell our answers from those of the original.
#[test]
fn answers_are_written_as_the_original_writes_them() {
    let (mut lists, mut applications, mut instances) = (0, 0, 0);
    for section in sections(LISTS) {
        let (heading, body) = section.first();
        let (kind, encoder) = variant(heading);
        match kind {
            "applications" => {
                let list = encoder.format.decode_applications(body.as_bytes()).unwrap();
                check_list(&list, &[(encoder, body)], section.name);
                lists += 1;
            }
            "application" => {
                let application = decode_application(encoder.format, body).applications.remove(0);
                let again = written(|out| {
                    encoder.write_application_root(
                        out,
                        &application.name,
                        application.instances.iter().cloned(),
                    );
                });
                assert_eq!(again, body, "{heading}");
                applications += 1;
            }
            _ => {
                // The original answers for one instance in full, whatever it is asked for.
                let full = Encoder::new(encoder.format, Detail::Full);
                let info = encoder.format.decode_instance(body.as_bytes()).unwrap();
                assert_eq!(
                    written(|out| full.write_instance_root(out, &info)),
                    body,
                    "{heading}"
                );
                instances += 1;
            }
        }
    }
    assert!(
        lists >= 8 && applications >= 4 && instances >= 4,
        "{lists} {applications} {instances}"
    );
}

/// One snapshot must look the same to clients of every variant: all are written from what the full JSON says.
#[test]
fn all_variants_of_one_moment_come_from_one_message() {
    let recorded = sections(LISTS);
    let mut compared = 0;
    for (at, section) in recorded.iter().enumerate() {
        let (heading, body) = section.first();
        if heading != "applications json full" {
            continue;
        }
        let list = Format::Json.decode_applications(body.as_bytes()).unwrap();
        let same_moment = recorded[at + 1..]
            .iter()
            .take_while(|it| it.name == section.name && it.first().0 != "applications json full");
        let siblings: Vec<_> = same_moment
            .map(|it| (variant(it.first().0).1, it.first().1))
            .collect();
        check_list(&list, &siblings, section.name);
        compared += siblings.len();
    }
    assert!(compared >= 7, "{compared}");
}

/// Recorded bodies that the original takes and we read differently, each on purpose.
const DIFFERENT: [&str; 4] = [
    // Not JSON.
    "trailing junk",
    // XML clients could not be served; the original sends them bodies that they cannot parse.
    "control chars",
    // The original makes two wrong pairs of it; we keep the value's JSON.
    "metadata nested",
    // The original then fails to answer anybody.
    "dc default class name Amazon",
];

/// A service that registers with the original must register here, and be shown to others in the same way.
#[test]
fn registrations_are_read_as_the_original_reads_them() {
    let mut compared = 0;
    for section in sections(REGISTRATIONS) {
        let (heading, request) = section.first();
        let taken = section.part("204").is_some();
        let format = if heading == "json" {
            Format::Json
        } else {
            Format::Xml
        };
        assert_eq!(format, format_of(request), "{}", section.name);
        if !taken || (DIFFERENT.contains(&section.name) && format == Format::Json) {
            continue;
        }
        let read = format.decode_instance(request.as_bytes());
        let read = read.unwrap_or_else(|error| panic!("{}: {error}", section.name));
        for (_, answer) in section.parts[1..].iter().filter(|(_, body)| !body.is_empty()) {
            let shown_format = format_of(answer);
            let shown = shown_format.decode_instance(answer.as_bytes()).unwrap();
            let completed = completed(read.clone(), shown);
            let encoder = Encoder::new(shown_format, Detail::Full);
            let again = written(|out| encoder.write_instance_root(out, &completed));
            // The original leaves the colon, at which clients that know namespaces stumble.
            let again = again.replace("a_.003ab", "a:b");
            assert_eq!(again, *answer, "{}", section.name);
            compared += 1;
        }
    }
    assert!(compared >= 50, "{compared}");
}

/// What a server fills in at registration, taken from what it showed.
fn completed(read: InstanceInfo<'static>, shown: InstanceInfo<'static>) -> InstanceInfo<'static> {
    let terms = read.lease_info.unwrap_or_default();
    let lease_info = shown.lease_info.map(|lease| LeaseInfo {
        renewal_interval_s: terms.renewal_interval_s,
        duration_s: terms.duration_s,
        ..lease
    });
    // The override that a client brings decides by the registry's rules.
    let status = if read.overridden_status == Status::Unknown {
        read.status
    } else {
        shown.status
    };
    InstanceInfo {
        lease_info,
        status,
        metadata: in_order_of(&shown.metadata, read.metadata),
        data_center_info: read.data_center_info.map(|mut info| {
            let order = shown.data_center_info.map(|it| it.metadata).unwrap_or_default();
            info.metadata = in_order_of(&order, info.metadata);
            info
        }),
        is_coordinating: false,
        last_updated_ms: shown.last_updated_ms,
        last_dirty_ms: read.last_dirty_ms.or(shown.last_dirty_ms),
        action_type: Some(ActionType::Added),
        ..read
    }
}

/// The original keeps pairs in the order of a Java hash map.
fn in_order_of(order: &Pairs<'static>, mut pairs: Pairs<'static>) -> Pairs<'static> {
    pairs.sort_by_key(|(key, _)| order.iter().position(|(it, _)| it == key));
    pairs
}

/// What is refused must say what is wrong, so that its sender can mend it.
#[test]
fn what_is_refused_says_why() {
    let section = |name: &str| {
        let recorded = sections(REGISTRATIONS);
        let section = recorded.into_iter().find(|section| section.name == name);
        section.map(|section| section.parts[0].1.clone()).unwrap()
    };
    for (name, reason) in [
        (
            "dc unknown name",
            "dataCenterInfo.name: expected Netflix, Amazon or MyOwn, found \"Wrong\"",
        ),
        (
            "port huge",
            "port: expected a whole number of 32 bits, found \"99999999999\"",
        ),
        ("metadata list", "metadata: expected an object, found \"[1]\""),
        (
            "control chars",
            "metadata.c: expected a text without control characters (XML clients could not be served), found",
        ),
        (
            "port garbage",
            "port: expected a whole number of 32 bits, found \"x\"",
        ),
        (
            "doctype entity",
            "the body is not well-formed XML: a document type is not accepted",
        ),
        (
            "namespace prefix",
            "the body is not well-formed XML: expected <instance>, found <x:instance>",
        ),
    ] {
        let request = section(name);
        let error = format_of(&request)
            .decode_instance(request.as_bytes())
            .unwrap_err();
        assert!(error.to_string().starts_with(reason), "{name}: {error}");
    }
}

/// Services that the original turns away only because of its parser are welcome.
#[test]
fn more_is_taken_than_the_original_takes() {
    for section in sections(REGISTRATIONS) {
        let welcome = ["port as plain number", "dc MyOwn without class", "not wrapped"];
        if welcome.contains(&section.name) {
            assert!(section.part("400").is_some(), "{}", section.name);
            let read = Format::Json
                .decode_instance(section.parts[0].1.as_bytes())
                .unwrap();
            assert_eq!(
                (read.app.as_ref(), read.port.number),
                ("A", 8080),
                "{}",
                section.name
            );
        }
    }
}
