//! Tests of rules: input series, what happens meanwhile, and what is expected then.
//!
//! In: test files in promtool's shape ([`TestFile`](crate::config::TestFile)) and the rule files that they name.
//! Out: a [`Report`] for each test, and the texts that people and build servers read.
//! Never here: a decision. Samples go into a real [`Store`](crate::series::Store), and the loop is the service's own
//! [`Engine::step`](crate::engine::Engine::step), in virtual time: a sample arrives at its time and makes rules due, an
//! action is done at once by a cluster in memory, whose pods become ready after their start-up.

mod cluster;
mod compare;
mod compile;
mod notation;
mod report;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod tests;
mod timeline;
mod world;

use std::path::{Path, PathBuf};

use regex::Regex;

pub use report::{Failure, Report, Shown, junit, tap, text};

use crate::config::{Finding, Settings};
use crate::rule::RuleSet;
use compile::Case;

/// The tests of one file, ready to run.
#[derive(Debug)]
pub struct RuleTests {
    /// The test file.
    pub file: PathBuf,
    settings: Settings,
    rules: RuleSet,
    cases: Vec<Case>,
}

impl RuleTests {
    /// Reads a test file and everything that it names. Fails with all that is wrong in it, or in the rules.
    pub fn load(file: &Path) -> Result<Self, Vec<Finding>> {
        compile::load(file)
    }

    /// How many tests the file has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cases.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// Runs the tests whose names match, in the order of the file.
    #[must_use]
    pub fn run(&self, only: Option<&Regex>) -> Vec<Report> {
        let chosen = self.cases.iter().filter(|case| only.is_none_or(|only| only.is_match(&case.name)));
        chosen.map(|case| world::run(case, &self.rules, &self.settings, &self.file)).collect()
    }
}
