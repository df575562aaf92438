//! INFO: how the server does.
//!
//! A section is a name and a function that writes its lines. Names and order of the fields are the reference server's, because
//! dashboards look for them. What has no meaning here is left out, or has the value that it has where nothing of
//! the kind happens; what only Perilune has stands at the end of its section.

pub mod process;
mod sections;

use std::fmt::{Display, Write as _};

use crate::server::Server;

/// A section of INFO.
struct Section {
    title: &'static str,
    /// Shown when none is asked for.
    by_default: bool,
    write: fn(&Server, &mut Lines<'_>),
}

const fn section(title: &'static str, write: fn(&Server, &mut Lines<'_>)) -> Section {
    Section {
        title,
        by_default: true,
        write,
    }
}

const SECTIONS: &[Section] = &[
    section("Server", sections::server),
    section("Clients", sections::clients),
    section("Memory", sections::memory),
    section("Persistence", sections::persistence),
    section("Stats", sections::stats),
    section("Replication", sections::replication),
    section("CPU", sections::cpu),
    section("Modules", |_, _| {}),
    Section {
        by_default: false,
        ..section("Commandstats", sections::commandstats)
    },
    Section {
        by_default: false,
        ..section("Scriptstats", sections::scriptstats)
    },
    section("Errorstats", sections::errorstats),
    section("Cluster", |_, to| to.add("cluster_enabled", 0)),
    section("Keyspace", sections::keyspace),
];

/// Where a section writes its lines.
struct Lines<'a>(&'a mut String);

impl Lines<'_> {
    fn add(&mut self, name: impl Display, value: impl Display) {
        // a String takes all that is written to it
        let _ = write!(self.0, "{name}:{value}\r\n");
    }

    /// The same number twice: for programs, and for people under the name with `_human`.
    fn add_bytes(&mut self, name: &str, bytes: usize) {
        self.add(name, bytes);
        self.add(format_args!("{name}_human"), human(bytes));
    }

    /// Counters of what does not happen here, or not yet.
    fn add_zeros(&mut self, names: &[&str]) {
        for name in names {
            self.add(name, 0);
        }
    }
}

/// The sections that are asked for, by their titles in any case; all usual ones if none is.
pub fn render(server: &Server, asked: &[&[u8]]) -> String {
    let is_asked = |name: &str| {
        asked
            .iter()
            .any(|a| a.eq_ignore_ascii_case(name.as_bytes()))
    };
    let everything = is_asked("all") || is_asked("everything");
    let default = asked.is_empty() || is_asked("default");
    let mut text = String::new();
    for section in SECTIONS {
        if everything || (default && section.by_default) || is_asked(section.title) {
            if !text.is_empty() {
                text.push_str("\r\n");
            }
            let _ = write!(text, "# {}\r\n", section.title);
            (section.write)(server, &mut Lines(&mut text));
        }
    }
    text
}

/// `1.50M`, as INFO shows sizes.
pub fn human(bytes: usize) -> String {
    let value = bytes as f64;
    for (unit, name) in [
        (1u64 << 40, "T"),
        (1 << 30, "G"),
        (1 << 20, "M"),
        (1 << 10, "K"),
    ] {
        if value >= unit as f64 {
            return format!("{:.2}{name}", value / unit as f64);
        }
    }
    format!("{bytes}B")
}
