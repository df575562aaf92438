//! Event loops, connections, buffers and back-pressure.
