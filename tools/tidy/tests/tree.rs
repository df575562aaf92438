//! The real tree against every rule.

use std::process::Command;

use perilune_tidy::{self as tidy, TextFile};

fn check(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

fn check_files(rule: fn(&[TextFile]) -> Vec<String>) {
    check(&rule(&tidy::read_tree()));
}

#[test]
fn crates_know_only_what_the_map_allows() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(tidy::root()).args([
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--offline",
    ]);
    let output = cargo.output().expect("cargo metadata runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    check(&tidy::forbidden_edges(&metadata));
}

#[test]
fn unsafe_is_allowed_in_its_rooms_only() {
    check_files(tidy::unsafe_outside);
}

#[test]
fn every_crate_takes_the_lint_table() {
    check_files(tidy::lints_of_its_own);
}

#[test]
fn no_file_is_overlong_without_a_reason() {
    check_files(tidy::overlong);
}

#[test]
fn every_source_file_opens_with_its_idea() {
    check_files(tidy::unopened);
}

#[test]
fn nothing_is_left_open() {
    check_files(tidy::ends_left_open);
}

#[test]
fn a_test_that_is_switched_off_says_why() {
    check_files(tidy::bare_ignores);
}

#[test]
fn no_path_of_one_machine_is_in_the_tree() {
    check_files(tidy::machine_paths);
}

#[test]
fn the_documents_are_there() {
    check_files(tidy::missing_documents);
}
