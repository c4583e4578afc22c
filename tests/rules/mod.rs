//! Rule and settings files as users have them: broken ones with what is told about them, the examples of `rules/`,
//! and the command that checks them.
//!
//! A file in `broken/` has what is expected beside it as `.txt`; `UPDATE_EXPECT=1` writes it anew.

mod check;
mod examples;
mod promtool;
mod shipped;

use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use headroom::config::{FileKind, Finding, Settings, Source, TestFile};
use headroom::rule;

/// What is wrong with a file, which is called by its name without folders.
fn findings(path: &Path) -> Vec<Finding> {
    let text = rule::read(path).unwrap();
    let name = PathBuf::from(path.file_name().unwrap());
    let source = Source { file: &name, text: &text };
    match FileKind::of(source) {
        FileKind::Rules => rule::compile(&[(name, text)], &Settings::default()).err().unwrap_or_default(),
        FileKind::Settings => Settings::parse(source).err().unwrap_or_default(),
        FileKind::Web => headroom::config::Web::parse(source).err().unwrap_or_default(),
        FileKind::Tests => TestFile::parse(source).err().unwrap_or_default(),
    }
}

#[test]
fn broken_files_get_every_finding_at_its_place() {
    let broken = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules/broken");
    let mut seen = 0;
    for entry in fs::read_dir(broken).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let shown = findings(&path).iter().fold(String::new(), |text, finding| format!("{text}{finding}\n"));
            assert!(!shown.is_empty(), "{} is not broken", path.display());
            expect_file![path.with_extension("txt")].assert_eq(&shown);
            seen += 1;
        }
    }
    assert!(seen >= 6, "the broken files are gone");
}
