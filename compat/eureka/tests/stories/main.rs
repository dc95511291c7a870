//! The registry's edge rules as stories with an expected end, told to Koinon and to the original server alike, with
//! shortened intervals: a wrong belief about a rule fails on the original, a wrong rule fails on Koinon.

#[cfg(test)]
mod common;
#[cfg(test)]
mod needs_java;
