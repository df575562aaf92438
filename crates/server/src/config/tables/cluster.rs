//! Settings of the cluster.

use super::super::cell::{Count, Switch, Text, Whole};
use super::super::check;
use super::super::choices::kept;
use super::super::row::{choice, memory, number, optional, section, switch, text};
use super::{INT_MAX, LONG_MAX, PORT_MAX, ULONG_MAX};

section! {
    /// The cluster.
    cluster: Cluster {
        /// Be a node of a cluster.
        cluster_enabled: Switch = switch("cluster-enabled", "no").immutable().not_yet();
        /// The file of the cluster's state.
        cluster_config_file: Text = text("cluster-config-file", "nodes.conf").check(check::cluster_config_file).immutable().not_yet();
        /// Milliseconds of silence after which a node counts as failing.
        cluster_node_timeout: Count = number("cluster-node-timeout", "15000", 0, LONG_MAX).not_yet();
        /// Milliseconds between two PINGs of nodes; 0 is a third of the timeout.
        cluster_ping_interval: Count = number("cluster-ping-interval", "0", 0, LONG_MAX).hidden().not_yet();
        /// The port of the cluster bus; 0 is 10000 above the port.
        cluster_port: Count = number("cluster-port", "0", 0, PORT_MAX).immutable().not_yet();
        /// Serve nothing unless all slots are served.
        cluster_require_full_coverage: Switch = switch("cluster-require-full-coverage", "yes").not_yet();
        /// Serve reads while the cluster is down.
        cluster_allow_reads_when_down: Switch = switch("cluster-allow-reads-when-down", "no").not_yet();
        /// Serve sharded channels while the cluster is down.
        cluster_allow_pubsubshard_when_down: Switch = switch("cluster-allow-pubsubshard-when-down", "yes").not_yet();
        /// Let replicas move to primaries that have none.
        cluster_allow_replica_migration: Switch = switch("cluster-allow-replica-migration", "yes").not_yet();
        /// Replicas that a primary keeps when others move away.
        cluster_migration_barrier: Count = number("cluster-migration-barrier", "1", 0, INT_MAX).not_yet();
        /// How old the data of a replica may be for it to take over.
        cluster_replica_validity_factor: Count = number("cluster-replica-validity-factor", "10", 0, INT_MAX)
            .alias("cluster-slave-validity-factor").not_yet();
        /// Never take over on one's own.
        cluster_replica_no_failover: Switch =
            switch("cluster-replica-no-failover", "no").alias("cluster-slave-no-failover").not_yet();
        /// Milliseconds after which a manual failover is given up.
        cluster_manual_failover_timeout: Count = number("cluster-manual-failover-timeout", "5000", 1, INT_MAX).not_yet();
        /// Seconds for which a forgotten node stays forgotten.
        cluster_blacklist_ttl: Count = number("cluster-blacklist-ttl", "60", 0, ULONG_MAX).not_yet();
        /// How much may wait on a link of the cluster bus; 0 is no limit.
        cluster_link_sendbuf_limit: Count = memory("cluster-link-sendbuf-limit", "0", 0, ULONG_MAX).not_yet();
        /// Count the traffic of each slot.
        cluster_slot_stats_enabled: Switch = switch("cluster-slot-stats-enabled", "no").not_yet();
        /// Percent of commands that Redis 8 checks for being fit for a cluster.
        cluster_compatibility_sample_ratio: Count = number("cluster-compatibility-sample-ratio", "0", 0, 100).not_yet();
        /// The address that this node gives as its own.
        cluster_announce_ip: Text = optional("cluster-announce-ip").not_yet();
        /// The IPv4 address that clients are given.
        cluster_announce_client_ipv4: Text = optional("cluster-announce-client-ipv4").check(check::ipv4).not_yet();
        /// The IPv6 address that clients are given.
        cluster_announce_client_ipv6: Text = optional("cluster-announce-client-ipv6").check(check::ipv6).not_yet();
        /// The host name that this node gives as its own.
        cluster_announce_hostname: Text = optional("cluster-announce-hostname").check(check::hostname).not_yet();
        /// The name of this node for humans.
        cluster_announce_human_nodename: Text = optional("cluster-announce-human-nodename").check(check::nodename).not_yet();
        /// The port that this node gives as its own.
        cluster_announce_port: Count = number("cluster-announce-port", "0", 0, PORT_MAX).not_yet();
        /// The TLS port that this node gives as its own.
        cluster_announce_tls_port: Count = number("cluster-announce-tls-port", "0", 0, PORT_MAX).not_yet();
        /// The bus port that this node gives as its own.
        cluster_announce_bus_port: Count = number("cluster-announce-bus-port", "0", 0, PORT_MAX).not_yet();
        /// What clients are told to connect to.
        cluster_preferred_endpoint_type: Whole = choice("cluster-preferred-endpoint-type", "ip", kept::ENDPOINT_TYPE).not_yet();
    }
}
