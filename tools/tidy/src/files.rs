//! The tree as text: every file a human writes, with its path from the root.

use std::fs;
use std::path::{Path, PathBuf};

/// What was built, fetched or generated. (`.git` is a file where the tree is one of several of a repository.)
const NOT_OURS: [&str; 8] = [
    "target",
    ".git",
    "node_modules",
    "__pycache__",
    ".venv",
    "fuzz/corpus",
    "fuzz/artifacts",
    "fuzz/target",
];

/// A file that is valid UTF-8.
pub struct TextFile {
    /// From the root of the workspace, with `/`.
    pub path: String,
    /// All of it.
    pub text: String,
}

impl TextFile {
    /// Whether this is Rust source.
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Reads everything below the root, sorted by path.
pub fn read_tree() -> Vec<TextFile> {
    let mut files = Vec::new();
    read_folder(&root(), "", &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// Files come and go while others work in the tree: what cannot be read is not there.
fn read_folder(folder: &Path, prefix: &str, files: &mut Vec<TextFile>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}/{name}")
        };
        if NOT_OURS.contains(&name.as_str()) || NOT_OURS.contains(&path.as_str()) {
            continue;
        }
        let kind = entry.file_type();
        if kind.as_ref().is_ok_and(|kind| kind.is_dir()) {
            read_folder(&entry.path(), &path, files);
        } else if kind.is_ok_and(|kind| kind.is_file())
            && let Ok(text) = fs::read_to_string(entry.path())
        {
            files.push(TextFile { path, text });
        }
    }
}
