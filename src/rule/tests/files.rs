use std::fs;
use std::path::Path;

use super::*;

/// A folder with these files, all of one text.
fn folder(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "groups: []\n").unwrap();
    }
    folder
}

fn names(loaded: &Loaded, folder: &Path) -> Vec<String> {
    loaded.files.iter().map(|(path, _)| path.strip_prefix(folder).unwrap().display().to_string()).collect()
}

#[test]
fn files_come_sorted_and_once() {
    let folder = folder(&["rules/b.yaml", "rules/a.yaml", "rules/c.yml", "x.yaml"]);
    let globs = ["rules/*.yaml".to_owned(), "rules/a*".to_owned(), "x.yaml".to_owned()];
    let loaded = load(&globs, folder.path()).unwrap();
    assert_eq!(names(&loaded, folder.path()), ["rules/a.yaml", "rules/b.yaml", "x.yaml"]);
    assert!(loaded.warnings.is_empty());
}

#[test]
fn a_glob_without_a_file_is_a_warning() {
    let folder = folder(&[]);
    let loaded = load(&["rules/*.yaml".to_owned()], folder.path()).unwrap();
    assert!(loaded.files.is_empty());
    assert_eq!(loaded.warnings, [format!("no rule file matches {}", folder.path().join("rules/*.yaml").display())]);
}

#[test]
fn a_folders_name_is_no_pattern() {
    let folder = folder(&["[a]/x.yaml"]);
    let loaded = load(&["*.yaml".to_owned()], &folder.path().join("[a]")).unwrap();
    assert_eq!(loaded.files.len(), 1);
}

#[test]
fn what_is_no_glob_is_a_finding() {
    let finding = load(&["rules/***".to_owned()], Path::new("")).unwrap_err();
    assert!(finding.to_string().starts_with("rules/***: not a glob at character"), "{finding}");
}

#[test]
fn unreadable_files_are_findings() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("latin1.yaml");
    fs::write(&path, b"a: \xe9\n").unwrap();
    assert!(read(&path).unwrap_err().to_string().ends_with("latin1.yaml: is not UTF-8 at byte 3"));
    assert!(read(&folder.path().join("none")).unwrap_err().to_string().contains("none: can't be read: "));
    let path = folder.path().join("huge.yaml");
    fs::File::create(&path).unwrap().set_len(17 << 20).unwrap();
    assert!(read(&path).unwrap_err().to_string().ends_with("holds 17825792 bytes, the limit is 16777216; split it"));
}
