//! Data structures without policy: the entry map of a stripe, and its slab.
