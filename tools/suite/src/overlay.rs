//! A view of the reference's source tree in which `src/valkey-server` is our binary.
//!
//! ```text
//! <work>/server                        a copy of our binary, so that a rebuild cannot change it mid-run
//! <work>/tree/*                     -> source/*
//! <work>/tree/src/*                 -> source/src/*
//! <work>/tree/src/{valkey,redis}-server -> <work>/server
//! <work>/tree/tests/*               -> source/tests/*
//! <work>/tree/tests/unit/...           folders, with links to the units; an edited unit is a file of its own
//! <work>/tree/tests/tmp/               where the suite puts configs, logs and sockets
//! <work>/tree/tests/line_buffered.tcl  our entry point into tests/test_helper.tcl
//! ```

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::args::Options;
use crate::skips::Skips;

/// Tcl buffers whole blocks when it writes to a pipe; a progress line, and a unit that is cut off at its time
/// limit, want every line as it comes.
const LINE_BUFFERED: &str = "fconfigure stdout -buffering line\nsource tests/test_helper.tcl\n";

/// Names the suites know a server by.
const SERVER_NAMES: [&str; 2] = ["valkey-server", "redis-server"];

/// The work folder. It stays on disk until [`Overlay::remove`].
pub struct Overlay {
    root: PathBuf,
}

impl Overlay {
    /// Builds the tree; fails when the source is not a reference tree or an edit no longer fits its unit.
    pub fn create(options: &Options, skips: &Skips) -> Result<Overlay, String> {
        let source = &options.source;
        if !source.join("tests/test_helper.tcl").is_file() {
            return Err(format!(
                "{}: no tests/test_helper.tcl, not a reference source tree",
                source.display()
            ));
        }
        for unit in &options.units {
            if !source.join(format!("tests/{unit}.tcl")).is_file() {
                return Err(format!("no such unit in the source tree: {unit}"));
            }
        }
        let root = std::env::temp_dir().join(format!("perilune-suite.{}", std::process::id()));
        let overlay = Overlay { root };
        overlay
            .build(options, skips)
            .inspect_err(|_| overlay.remove())?;
        Ok(overlay)
    }

    fn build(&self, options: &Options, skips: &Skips) -> Result<(), String> {
        let (tree, source) = (self.tree(), &options.source);
        let shown = |e: std::io::Error| format!("{}: {e}", self.root.display());
        fs::create_dir_all(tree.join("tests/tmp")).map_err(shown)?;
        fs::copy(&options.server, self.root.join("server")).map_err(shown)?;

        link_entries(source, &tree, &["src", "tests"]).map_err(shown)?;
        fs::create_dir(tree.join("src")).map_err(shown)?;
        link_entries(&source.join("src"), &tree.join("src"), &SERVER_NAMES).map_err(shown)?;
        for name in SERVER_NAMES {
            symlink(self.root.join("server"), tree.join("src").join(name)).map_err(shown)?;
        }
        link_entries(&source.join("tests"), &tree.join("tests"), &["tmp", "unit"])
            .map_err(shown)?;
        mirror(&source.join("tests/unit"), &tree.join("tests/unit")).map_err(shown)?;
        fs::write(tree.join("tests/line_buffered.tcl"), LINE_BUFFERED).map_err(shown)?;

        for unit in &options.units {
            let path = format!("tests/{unit}.tcl");
            let original =
                fs::read_to_string(source.join(&path)).map_err(|e| format!("{path}: {e}"))?;
            let edited = skips.edit(unit, &original)?;
            if edited != original {
                fs::remove_file(tree.join(&path)).map_err(shown)?;
                fs::write(tree.join(&path), edited).map_err(shown)?;
            }
        }
        Ok(())
    }

    /// The work folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder to start the suite in.
    pub fn tree(&self) -> PathBuf {
        self.root.join("tree")
    }

    /// Takes the work folder away.
    pub fn remove(&self) {
        if let Err(problem) = fs::remove_dir_all(&self.root) {
            eprintln!("suite: {} stays: {problem}", self.root.display());
        }
    }
}

fn link_entries(from: &Path, to: &Path, except: &[&str]) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if !except.iter().any(|e| name == *e) {
            symlink(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

/// Folders are made, files are linked: so that a single file can be replaced.
fn mirror(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            mirror(&entry.path(), &target)?;
        } else {
            symlink(entry.path(), target)?;
        }
    }
    Ok(())
}
