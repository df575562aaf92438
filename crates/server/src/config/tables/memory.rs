//! Settings of memory: its limit, eviction, expiry, freeing.

use super::super::cell::{Choice, Count, Switch};
use super::super::choices::{Choose, EvictionPolicy};
use super::super::row::{choice, memory, number, section, switch};
use super::{INT_MAX, LONG_MAX, ULONG_MAX};

section! {
    /// The limit of memory, eviction, expiry, freeing.
    memory: Memory {
        /// How much memory the data may use; 0 is no limit.
        maxmemory: Count = memory("maxmemory", "0", 0, ULONG_MAX);
        /// What happens at the limit, and whether times or numbers of uses are noted. Nothing is evicted yet.
        maxmemory_policy: Choice<EvictionPolicy> =
            choice("maxmemory-policy", "noeviction", EvictionPolicy::VALUES).not_yet();
        /// How many keys an eviction chooses from.
        maxmemory_samples: Count = number("maxmemory-samples", "5", 1, 64).not_yet();
        /// How much time an eviction may take, 0 to 100.
        maxmemory_eviction_tenacity: Count = number("maxmemory-eviction-tenacity", "10", 0, 100).not_yet();
        /// How slowly the access counter of a key grows.
        lfu_log_factor: Count = number("lfu-log-factor", "10", 0, INT_MAX);
        /// Minutes after which the access counter of a key sinks by one.
        lfu_decay_time: Count = number("lfu-decay-time", "1", 0, INT_MAX);
        /// How hard the server looks for expired keys, 1 to 10.
        active_expire_effort: Count = number("active-expire-effort", "1", 1, 10);
        /// Serve as the target of an import: keys do not expire for clients that say they import.
        import_mode: Switch = switch("import-mode", "no");
        /// Grow tables in idle moments too. (Ours grow step by step.)
        activerehashing: Switch = switch("activerehashing", "yes").moot();
        /// Free evicted values in the background. (What takes long always is, here, whatever these five say.)
        lazyfree_lazy_eviction: Switch = switch("lazyfree-lazy-eviction", "yes").moot();
        /// Free expired values in the background.
        lazyfree_lazy_expire: Switch = switch("lazyfree-lazy-expire", "yes").moot();
        /// Free overwritten values in the background.
        lazyfree_lazy_server_del: Switch = switch("lazyfree-lazy-server-del", "yes").moot();
        /// DEL frees in the background, as UNLINK does.
        lazyfree_lazy_user_del: Switch = switch("lazyfree-lazy-user-del", "yes").moot();
        /// FLUSHALL and its kin free in the background by default.
        lazyfree_lazy_user_flush: Switch = switch("lazyfree-lazy-user-flush", "yes").moot();
        /// Let jemalloc give memory back in a thread of its own.
        jemalloc_bg_thread: Switch = switch("jemalloc-bg-thread", "yes").moot();
        /// Move data together to give fragmented memory back.
        activedefrag: Switch = switch("activedefrag", "no").not_yet();
        /// Fragmented bytes below which nothing is moved.
        active_defrag_ignore_bytes: Count = memory("active-defrag-ignore-bytes", "100mb", 1, LONG_MAX).not_yet();
        /// Percent of fragmentation at which moving begins.
        active_defrag_threshold_lower: Count = number("active-defrag-threshold-lower", "10", 0, 1000).not_yet();
        /// Percent of fragmentation at which it works hardest.
        active_defrag_threshold_upper: Count = number("active-defrag-threshold-upper", "100", 0, 1000).not_yet();
        /// Its least share of a core, in percent.
        active_defrag_cycle_min: Count = number("active-defrag-cycle-min", "1", 1, 99).not_yet();
        /// Its greatest share of a core, in percent.
        active_defrag_cycle_max: Count = number("active-defrag-cycle-max", "25", 1, 99).not_yet();
        /// Microseconds of one step of it.
        active_defrag_cycle_us: Count = number("active-defrag-cycle-us", "500", 0, 100_000).not_yet();
        /// Fields above which a collection is moved in steps.
        active_defrag_max_scan_fields: Count = number("active-defrag-max-scan-fields", "1000", 1, LONG_MAX).not_yet();
    }
}
