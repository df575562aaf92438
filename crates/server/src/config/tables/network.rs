//! Settings of sockets, loops and connections.

use super::super::cell::{Count, OutputLimits, Switch, Text, Whole};
use super::super::row::{
    Kind, Unit, memory, number, number_in, optional, section, special, switch, text,
};
use super::{INT_MAX, LONG_MAX, MIB, PORT_MAX, UINT_MAX};

section! {
    /// Sockets, loops, connections and their limits.
    network: Network {
        /// The addresses to listen on; a leading `-` makes one that may be unavailable, `*` is all of IPv4.
        bind: Text = special("bind", Kind::Addresses, "127.0.0.1 -::1");
        /// The TCP port; 0 listens on none.
        port: Count = number("port", "6379", 0, PORT_MAX);
        /// The path of a Unix socket to listen on.
        unixsocket: Text = optional("unixsocket").immutable();
        /// The permissions of the Unix socket, octal; 0 leaves them to the umask.
        unixsocketperm: Count = number_in(Unit::Octal, "unixsocketperm", "0", 0, 0o777).immutable();
        /// The group of the Unix socket.
        unixsocketgroup: Text = optional("unixsocketgroup").immutable().not_yet();
        /// Without a password, serve only connections from this machine.
        protected_mode: Switch = switch("protected-mode", "yes");
        /// Seconds after which an idle client is disconnected; 0 is never.
        timeout: Count = number("timeout", "0", 0, INT_MAX);
        /// Seconds between TCP keepalive probes; 0 sends none.
        tcp_keepalive: Count = number("tcp-keepalive", "300", 0, INT_MAX);
        /// How many connections may wait to be accepted.
        tcp_backlog: Count = number("tcp-backlog", "511", 0, INT_MAX).immutable();
        /// How many clients may be connected.
        maxclients: Count = number("maxclients", "10000", 1, UINT_MAX);
        /// The number of event loops; the default is a loop per core that the process may use.
        io_threads: Count = number("io-threads", "1", 1, IO_THREADS_MAX).immutable();
        /// The longest argument that a client may send.
        proto_max_bulk_len: Count = memory("proto-max-bulk-len", "512mb", MIB, LONG_MAX);
        /// How much unprocessed input a client may have.
        client_query_buffer_limit: Count = memory("client-query-buffer-limit", "1gb", MIB, LONG_MAX);
        /// How much unread output a client may have: class, hard limit, soft limit, seconds.
        client_output_buffer_limit: OutputLimits = special(
            "client-output-buffer-limit",
            Kind::OutputLimits,
            "normal 0 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60",
        );
        /// How much memory all clients together may use, in bytes or percent of maxmemory; 0 is no limit.
        maxmemory_clients: Whole = number_in(Unit::MemoryOrPercent, "maxmemory-clients", "0", -100, LONG_MAX).not_yet();
        /// Where the server stands, for clients that prefer a near one; shown by HELLO and INFO.
        availability_zone: Text = text("availability-zone", "");
        /// Say "redis" and its version where clients look for them, instead of our own name.
        extended_redis_compatibility: Switch = switch("extended-redis-compatibility", "yes").not_yet();
        /// The local address of outgoing connections.
        bind_source_addr: Text = optional("bind-source-addr").not_yet();
        /// The mark of the sockets for the firewall.
        socket_mark_id: Count = number("socket-mark-id", "0", 0, UINT_MAX).immutable().not_yet();
        /// How many connections are accepted in one turn of a loop.
        max_new_connections_per_cycle: Count = number("max-new-connections-per-cycle", "10", 1, 1000).moot();
        /// How many TLS connections are accepted in one turn of a loop.
        max_new_tls_connections_per_cycle: Count = number("max-new-tls-connections-per-cycle", "1", 1, 1000).moot();
        /// How many commands are looked at ahead.
        prefetch_batch_max_size: Count = number("prefetch-batch-max-size", "16", 0, 128).moot();
        /// When the reference uses its IO threads.
        events_per_io_thread: Count = number("events-per-io-thread", "2", 0, INT_MAX).hidden().moot();
        /// The addresses to serve by RDMA.
        rdma_bind: Text = special("rdma-bind", Kind::Addresses, "").not_yet();
        /// The port to serve by RDMA.
        rdma_port: Count = number("rdma-port", "0", 0, PORT_MAX).not_yet();
        /// The receive buffer of an RDMA connection.
        rdma_rx_size: Count = number("rdma-rx-size", "1048576", 65_536, 16_777_216).immutable().not_yet();
        /// The completion vector of RDMA.
        rdma_completion_vector: Whole = number("rdma-completion-vector", "-1", -1, 1024).immutable().not_yet();
    }
}

const IO_THREADS_MAX: u64 = 256;
