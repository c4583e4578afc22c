//! Matchers as routes, silences and `amtool` write them. The grammar is [`labels`](crate::labels)'s, for settings are
//! read on a lower floor.

pub use crate::labels::{MatcherSyntax, parse_matcher, parse_matchers};
