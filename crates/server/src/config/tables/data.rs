//! Settings of data types: where one encoding turns into the other.

use super::super::cell::{Count, Whole};
use super::super::row::{memory, number, section};
use super::{INT_MAX, INT_MIN, LONG_MAX};

section! {
    /// Data types and their encodings.
    data: Data {
        /// Fields above which a hash is not a listpack any more.
        hash_max_listpack_entries: Count =
            number("hash-max-listpack-entries", "512", 0, LONG_MAX).alias("hash-max-ziplist-entries");
        /// Bytes of a field or value above which a hash is not a listpack any more.
        hash_max_listpack_value: Count =
            memory("hash-max-listpack-value", "64", 0, LONG_MAX).alias("hash-max-ziplist-value");
        /// Entries (or, negative, a size class) above which a list is not one listpack any more.
        list_max_listpack_size: Whole =
            number("list-max-listpack-size", "-2", INT_MIN, INT_MAX).alias("list-max-ziplist-size");
        /// How many listpacks at each end of a list are not compressed; 0 compresses none.
        list_compress_depth: Count = number("list-compress-depth", "0", 0, INT_MAX).not_yet();
        /// Members above which a set of integers is not an intset any more.
        set_max_intset_entries: Count = number("set-max-intset-entries", "512", 0, LONG_MAX);
        /// Members above which a set is not a listpack any more.
        set_max_listpack_entries: Count = number("set-max-listpack-entries", "128", 0, LONG_MAX);
        /// Bytes of a member above which a set is not a listpack any more.
        set_max_listpack_value: Count = number("set-max-listpack-value", "64", 0, LONG_MAX);
        /// Members above which a sorted set is not a listpack any more.
        zset_max_listpack_entries: Count =
            number("zset-max-listpack-entries", "128", 0, LONG_MAX).alias("zset-max-ziplist-entries");
        /// Bytes of a member above which a sorted set is not a listpack any more.
        zset_max_listpack_value: Count =
            memory("zset-max-listpack-value", "64", 0, LONG_MAX).alias("zset-max-ziplist-value");
        /// Bytes above which a HyperLogLog is not sparse any more.
        hll_sparse_max_bytes: Count = memory("hll-sparse-max-bytes", "3000", 0, LONG_MAX).not_yet();
        /// Bytes of one node of a stream.
        stream_node_max_bytes: Count = memory("stream-node-max-bytes", "4096", 0, LONG_MAX).not_yet();
        /// Entries of one node of a stream.
        stream_node_max_entries: Count = number("stream-node-max-entries", "100", 0, LONG_MAX).not_yet();
    }
}
