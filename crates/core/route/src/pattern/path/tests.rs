//! Path patterns against paths, one row a rule.

use super::{Lead, PathPattern, RawPath};
use crate::vars::Vars;

fn fits(pattern: &str, path: &str) -> bool {
    PathPattern::new(pattern, false)
        .unwrap()
        .matches(&RawPath::new(path))
}

#[test]
fn each_form_matches_what_spring_says() {
    // protects: a route file selects the same paths here as in Spring Cloud Gateway
    let table = [
        ("/red", "/red", true),
        ("/red", "/red/", false),
        ("/red", "/Red", false),
        ("/red/{segment}", "/red/1", true),
        ("/red/{segment}", "/red/", false),
        ("/red/{segment}", "/red/1/2", false),
        ("/red/{segment}/x", "/red/1/x", true),
        ("/red/{segment}", "/red//1", false),
        ("/blue/**", "/blue", true),
        ("/blue/**", "/blue/", true),
        ("/blue/**", "/blue/a/b", true),
        ("/blue/**", "/bluebell", false),
        ("/**", "/", true),
        ("/**", "/a//b", true),
        ("/a/*", "/a/b", true),
        ("/a/*", "/a/", true),
        ("/a/*", "/a", false),
        ("/a/*/c", "/a/b/c", true),
        ("/a/*/c", "/a//c", false),
        ("/f?o", "/foo", true),
        ("/f?o", "/fo", false),
        ("/f*", "/foobar", true),
        ("/*.html", "/index.html", true),
        ("/*.html", "/a/index.html", false),
        ("/{n:[0-9]{1,3}}", "/123", true),
        ("/{n:[0-9]{1,3}}", "/1234", false),
        ("/{a}-{b}", "/x-y", true),
        ("/{a}-{b}", "/xy", false),
        ("/x/{*rest}", "/x", true),
        ("/x/{*rest}", "/x/y/z", true),
        ("/x/{*rest}", "/xy", false),
        ("/**/end", "/a/b/end", true),
        ("/**/end", "/end", true),
        ("/**/end", "/a/ender", false),
        ("/a b", "/a%20b", true),
        ("/a/b", "/a%2Fb", false),
        ("/a", "/a;v=1", true),
        ("/a", "/%zz", false),
        ("/**", "/%zz", false),
        ("a", "/a", false),
        ("/", "/", true),
        ("/", "//", false),
        ("/é", "/%C3%A9", true),
        ("/{x:a/b}", "/a%2Fb", true),
    ];
    for (pattern, path, expected) in table {
        assert_eq!(fits(pattern, path), expected, "{pattern} on {path}");
    }
}

#[test]
fn a_trailing_slash_is_let_pass_only_where_asked() {
    // protects: `matchTrailingSlash`
    let table = [
        ("/red/{x}", "/red/1/", true),
        ("/red", "/red/", true),
        ("/red", "/red//", false),
        ("/red/", "/red/", true),
        ("/red/", "/red//", false),
        ("/red/*", "/red//", false),
        ("/red/*", "/red/a/", true),
    ];
    for (pattern, path, expected) in table {
        let pattern = PathPattern::new(pattern, true).unwrap();
        assert_eq!(
            pattern.matches(&RawPath::new(path)),
            expected,
            "{pattern:?} on {path}"
        );
    }
}

#[test]
fn variables_are_decoded() {
    // protects: what filters write for `{x}`
    type Row = (
        &'static str,
        &'static str,
        &'static [(&'static str, &'static str)],
    );
    let table: [Row; 5] = [
        ("/r/{a}/{b}", "/r/1/x%20y", &[("a", "1"), ("b", "x y")]),
        ("/r/{a}-{b:[0-9]+}", "/r/x-7", &[("a", "x"), ("b", "7")]),
        ("/r/{*rest}", "/r/1/2/", &[("rest", "/1/2/")]),
        ("/r/{*rest}", "/r", &[("rest", "")]),
        ("/**/{last}", "/a/b/c", &[("last", "c")]),
    ];
    for (pattern, path, expected) in table {
        let mut vars = Vars::default();
        PathPattern::new(pattern, false)
            .unwrap()
            .capture(&RawPath::new(path), &mut vars);
        assert_eq!(vars.iter().collect::<Vec<_>>(), expected, "{pattern} on {path}");
    }
}

#[test]
fn what_is_not_a_pattern_is_refused() {
    // protects: a pattern that cannot mean what was meant fails the file, not the requests
    for wrong in [
        "/a/**/b",
        "/a/{*x}/b",
        "/{",
        "/a}",
        "/{1x}",
        "/{x:[}",
        "/a{*x}",
        "/{x}/{x}",
        "/{a:(x)}-{b}",
    ] {
        assert!(PathPattern::new(wrong, false).is_err(), "{wrong}");
    }
}

#[test]
fn the_index_is_told_only_what_is_certain() {
    // protects: a path that matches is never looked for in the wrong place of the index
    let literal = |text: &str| Lead::Literal(text.to_owned());
    let table = [
        ("/a/b/**", vec![literal("a"), literal("b")]),
        ("/a/{x}/c", vec![literal("a"), Lead::Any, literal("c")]),
        ("/a/*", vec![literal("a")]),
        ("/a/x*/c", vec![literal("a")]),
        ("/**", vec![]),
        ("/**/a", vec![]),
        ("/a//b", vec![literal("a")]),
    ];
    for (pattern, expected) in table {
        assert_eq!(
            PathPattern::new(pattern, false).unwrap().leads(),
            expected,
            "{pattern}"
        );
    }
}
