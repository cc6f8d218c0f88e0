//! Samples of several subjects, taken in turns.
//!
//! The subjects of a row alternate within one run and the order rotates from
//! round to round, so that what else the machine does meets all of them alike.
//! A subject that fails once is out of the row, with the reason.

use std::io::Result;

/// A subject, and what was measured of it, one sample a round.
pub(crate) struct Series {
    pub(crate) samples: Vec<f64>,
    pub(crate) failure: Option<String>,
}

/// Measures every subject once a round.
pub(crate) fn interleave<T>(
    subjects: &mut [T],
    rounds: usize,
    mut measure: impl FnMut(&mut T) -> Result<f64>,
) -> Vec<Series> {
    let mut all: Vec<Series> = subjects
        .iter()
        .map(|_| Series {
            samples: Vec::with_capacity(rounds),
            failure: None,
        })
        .collect();
    for round in 0..rounds {
        for turn in 0..subjects.len() {
            let index = (round + turn) % subjects.len();
            let series = &mut all[index];
            if series.failure.is_some() {
                continue;
            }
            match measure(&mut subjects[index]) {
                Ok(sample) => series.samples.push(sample),
                Err(error) => series.failure = Some(error.to_string()),
            }
        }
    }
    all
}

/// The sample below which `share` of all lie; NaN without samples.
pub(crate) fn quantile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = ((sorted.len().saturating_sub(1)) as f64 * share).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

/// The median.
pub(crate) fn p50(samples: &[f64]) -> f64 {
    quantile(samples, 0.5)
}

/// A time that is a number of nanoseconds, in microseconds.
pub(crate) fn micros(from: u64, to: u64) -> f64 {
    let nanoseconds = to as f64 - from as f64;
    nanoseconds / 1000.0
}
