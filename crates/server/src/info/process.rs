//! What the kernel says of the process and of the machine.

/// Memory that the process has.
pub fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|statm| {
            statm
                .split(' ')
                .nth(1)
                .and_then(|pages| pages.parse::<usize>().ok())
        });
    pages.unwrap_or(0) * 4096
}

/// Memory of the machine.
pub fn total_memory_bytes() -> usize {
    let kilobytes = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|info| {
            let line = info
                .lines()
                .find_map(|line| line.strip_prefix("MemTotal:"))?;
            line.trim().trim_end_matches(" kB").parse::<usize>().ok()
        });
    kilobytes.unwrap_or(0) * 1024
}

/// Processor time of the process, user and system, in seconds.
pub fn processor_seconds() -> (f64, f64) {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else {
        return (0.0, 0.0);
    };
    // fields are counted behind the name, which may have blanks in it
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|f| f.parse::<f64>().ok())
            .unwrap_or(0.0)
            / 100.0
    };
    (ticks(11), ticks(12))
}

/// System, release and processor, as `uname -srm` prints them.
pub fn system_name() -> String {
    let kernel = |name: &str| {
        std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default()
    };
    format!(
        "{} {} {}",
        kernel("ostype").trim(),
        kernel("osrelease").trim(),
        std::env::consts::ARCH
    )
}
