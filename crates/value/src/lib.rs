//! The value types, their encodings and their primitive changes.
