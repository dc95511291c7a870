//! Every bound of this crate, in one place.
//!
//! A route file is written by its operator, so the bounds are wide; they exist so that a wrong or hostile file
//! costs an error message and not the process.

/// The most bytes a file may have.
pub const FILE_BYTES_MAX: usize = 8 << 20;
/// How deep maps and lists may nest, aliases followed.
pub const DEPTH_MAX: usize = 64;
/// The most nodes a file may have once its aliases are followed (8 MiB of ordinary routes have some 600,000).
pub const NODES_MAX: usize = 1 << 20;
/// The most bytes of text a file may have once its aliases are followed.
pub const TEXT_BYTES_MAX: usize = 4 * FILE_BYTES_MAX;
/// The most documents in one file.
pub const DOCUMENTS_MAX: usize = 256;
/// The most routes in one table, those of the discovery locator included.
pub const ROUTES_MAX: usize = 100_000;
/// The most predicates or filters of one route.
pub const STEPS_MAX: usize = 256;
/// The most patterns of one predicate.
pub const PATTERNS_MAX: usize = 1_024;
/// The most bytes of the key of a flattened argument or of metadata.
pub const KEY_BYTES_MAX: usize = 1 << 10;
/// The most problems that one report tells; the rest is counted.
pub const PROBLEMS_MAX: usize = 1_000;
/// How deep placeholders may nest or refer to each other.
pub const PLACEHOLDER_DEPTH_MAX: usize = 16;
/// The most placeholders followed for one value.
pub const PLACEHOLDERS_MAX: usize = 1_024;
/// The most bytes a value may have after its placeholders are filled in.
pub const VALUE_BYTES_MAX: usize = 64 << 10;
/// The most bytes of a regular expression.
pub const REGEX_BYTES_MAX: usize = 4 << 10;
/// The most memory a compiled regular expression may take, in bytes.
pub const REGEX_MEMORY_MAX: usize = 1 << 20;
/// How many steps back a regular expression with look-around or backreferences may take for one text.
pub const REGEX_BACKTRACKS_MAX: usize = 20_000;
/// The most bytes of a path that a filter makes.
pub const PATH_BYTES_MAX: usize = 64 << 10;
/// The most bytes of a route's id.
pub const NAME_BYTES_MAX: usize = 512;
/// The most routes whose refusal an explanation tells; the rest is counted.
pub const REFUSALS_MAX: usize = 32;
