//! Seeds of worlds in which the core once did wrong, and what it did. They hold as
//! long as the worlds are made the same way; the unit tests beside the core's modules
//! hold for ever.

/// The seeds, with a sentence each.
pub(crate) const SEEDS: &[(u64, &str)] = &[];
