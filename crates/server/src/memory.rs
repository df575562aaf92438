//! Where the memory is: what INFO memory and MEMORY STATS tell, and MEMORY DOCTOR thinks of.

use crate::info::process::resident_bytes;
use crate::server::{BASE_MEMORY_BYTES, Server};

/// The server's memory at a moment, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct MemoryReport {
    /// What data, scripts and buffers use, by our own account.
    pub used: usize,
    /// What the process has, by the kernel's.
    pub resident: usize,
    /// The most that was ever used.
    pub peak: usize,
    /// What a server without data uses.
    pub startup: usize,
    /// Keys and values, and the tables that hold them.
    pub dataset: usize,
    /// Buffers of the clients.
    pub clients: usize,
    /// The virtual machines of scripts, one for each thread that has run any.
    pub vms: usize,
    /// The largest of them.
    pub largest_vm: usize,
    /// The sources of scripts.
    pub scripts: usize,
    /// The sources of libraries of functions, and what is known of them.
    pub functions: usize,
    /// Number of keys in all databases.
    pub keys: u64,
}

impl MemoryReport {
    /// The server's memory now.
    pub fn of(server: &Server) -> Self {
        let used = server.used_memory();
        let vms = server.running.vm_memory();
        let databases = 0..server.keyspace.database_count();
        Self {
            used,
            resident: resident_bytes(),
            peak: server.note_memory_peak(used),
            startup: BASE_MEMORY_BYTES,
            dataset: server.keyspace.memory_bytes(),
            clients: server.client_buffers(),
            vms: vms.iter().sum(),
            largest_vm: vms.into_iter().max().unwrap_or(0),
            scripts: server.scripts.memory_bytes(),
            functions: server.functions.table().memory_bytes(),
            keys: databases
                .map(|database| server.keyspace.database(database).keys())
                .sum(),
        }
    }

    /// What is used for other things than data.
    pub fn overhead(&self) -> usize {
        self.used.saturating_sub(self.dataset)
    }

    /// How much of the peak is used now.
    pub fn peak_percentage(&self) -> f64 {
        percentage(self.used, self.peak)
    }

    /// How much of what data brought is data.
    pub fn dataset_percentage(&self) -> f64 {
        percentage(self.dataset, self.used.saturating_sub(self.startup)).min(100.0)
    }

    /// How many times what is used the process has.
    pub fn fragmentation(&self) -> f64 {
        self.resident as f64 / self.used.max(1) as f64
    }

    /// What the process has beyond what is used.
    pub fn fragmentation_bytes(&self) -> i64 {
        self.resident as i64 - self.used as i64
    }
}

fn percentage(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}
