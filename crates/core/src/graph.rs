//! Who needs whom, and who comes first among those that are free to start.

use alloc::vec::Vec;

use crate::{ProgramId, Spec, order};

/// The order of starts, and the needs read backwards. Made anew with every configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    /// The place of each program in the order of starts.
    ranks: Vec<u32>,
    /// The programs by rank.
    by_rank: Vec<ProgramId>,
    /// Who needs each program.
    needed_by: Vec<Vec<ProgramId>>,
}

impl Graph {
    pub(crate) fn of(spec: &Spec) -> Graph {
        let many = spec.programs.len();
        let mut by_rank: Vec<ProgramId> = (0..).map(ProgramId).take(many).collect();
        let priority = |id: &ProgramId| spec.programs.get(id.0 as usize).map(|p| p.priority);
        order::sort_by(&mut by_rank, |a, b| priority(a).cmp(&priority(b)));
        let mut ranks = alloc::vec![0; many];
        for (rank, id) in (0..).zip(&by_rank) {
            if let Some(slot) = ranks.get_mut(id.0 as usize) {
                *slot = rank;
            }
        }
        let mut needed_by = alloc::vec![Vec::new(); many];
        for (id, program) in (0..).map(ProgramId).zip(&spec.programs) {
            for need in &program.needs {
                if let Some(list) = needed_by.get_mut(need.program.0 as usize) {
                    list.push(id);
                }
            }
        }
        Graph {
            ranks,
            by_rank,
            needed_by,
        }
    }

    pub(crate) fn rank(&self, id: ProgramId) -> Option<u32> {
        self.ranks.get(id.0 as usize).copied()
    }

    pub(crate) fn at_rank(&self, rank: u32) -> Option<ProgramId> {
        self.by_rank.get(rank as usize).copied()
    }

    /// Those that need a program directly.
    pub(crate) fn users(&self, id: ProgramId) -> &[ProgramId] {
        let users = self.needed_by.get(id.0 as usize);
        users.map_or(&[], Vec::as_slice)
    }

    /// The programs in the order in which they are told: who starts last, first.
    pub(crate) fn last_to_first(&self) -> Vec<ProgramId> {
        self.by_rank.iter().rev().copied().collect()
    }
}
