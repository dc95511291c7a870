//! `Method=GET,...`: the method is one of these, letter for letter.

use std::sync::Arc;

use super::{Matcher, Subject};
use crate::arguments::{ArgumentError, Arguments, Shape};
use crate::escape::is_token;
use crate::kind::Kind;

pub(super) const KIND: Kind<dyn Matcher> = Kind {
    name: "Method",
    keys: &["methods"],
    shape: Shape::List,
    make,
};

fn make(arguments: &mut Arguments<'_>) -> Result<Arc<dyn Matcher>, ArgumentError> {
    let mut methods = Vec::with_capacity(arguments.list().len());
    for text in arguments.list().to_vec() {
        if !is_token(&text.value) {
            let what = format!("{:?} is not a method", text.value);
            return Err(ArgumentError::new(text.place, what));
        }
        if text.value.bytes().any(|b| b.is_ascii_lowercase()) {
            let what = format!(
                "{} is not {}: methods differ in case",
                text.value,
                text.value.to_uppercase()
            );
            arguments.note(text.place, what);
        }
        methods.push(text.value.clone());
    }
    Ok(Arc::new(Method { methods }))
}

struct Method {
    methods: Vec<String>,
}

impl Matcher for Method {
    fn matches(&self, subject: &Subject<'_>) -> bool {
        let method = subject.request.method();
        self.methods.iter().any(|known| known == method)
    }

    fn why_not(&self, subject: &Subject<'_>) -> String {
        format!("the method is {}", subject.request.method())
    }
}
