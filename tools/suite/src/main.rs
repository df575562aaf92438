//! Runs the reference server's own Tcl suite against our binary.
//!
//! The suite (`tests/test_helper.tcl` of a Valkey or Redis source tree) starts its servers itself, as
//! `src/valkey-server` under the current directory. So we give it a current directory in which that name is our
//! binary: an overlay of symlinks over the source tree (`overlay`), in which only the server, the folder for
//! temporary files and the few units with an edit are our own. The tree itself is never written to.
//!
//! Each unit runs in a process group of its own with a time limit (`unit`), its output is read line by line
//! (`transcript`), and what we leave out stands in `skips.toml` with the reason (`skips`). A skip that matches
//! nothing any more is an error, so the list can only shrink as the server grows. A unit that fails while the machine
//! stood still is run again (`stillness`).
//!
//! ```text
//! cargo run -p perilune-suite -- --source <valkey source> --server target/release/perilune \
//!     [--unit unit/expire]... [--single "test name"]... [--config 'script-busy-scope server']... [--jobs 2] [--json out.json]
//! ```

mod args;
mod overlay;
mod report;
mod schedule;
mod skips;
mod stillness;
mod transcript;
mod unit;

use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("suite: {problem}");
            ExitCode::from(2)
        }
    }
}

/// True when every unit ran to its end, no test failed and no skip is stale.
fn run() -> Result<bool, String> {
    let Some(options) = args::parse()? else {
        println!("{}", args::HELP);
        return Ok(true);
    };
    let skips = skips::Skips::load(options.skips.as_deref())?;
    let tree = overlay::Overlay::create(&options, &skips)?;
    schedule::end_children_on_interrupt(tree.root().to_path_buf(), options.keep)?;

    let results = schedule::run_all(&options, &skips, &tree);
    let report = report::Report::new(&options, &skips, results);
    report.print();
    if let Some(path) = &options.json {
        report.write_json(path)?;
    }
    if options.keep {
        println!("\nkept: {}", tree.root().display());
    } else {
        tree.remove();
    }
    Ok(report.is_green())
}
