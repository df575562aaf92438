//! Databases, stripes, lock plans, transactions, undo, expiry, WATCH and effects.
