//! USR1 sent to PID 1 until the first instruction of the program's handler; the
//! program alone, as PID 1 itself, for comparison.

use std::io::Result;
use std::time::Duration;

use super::{Alive, ONE, group_of_alive, start_with_board};
use crate::contender::{Bench, Contender, arrival, pause};
use crate::launch::now;
use crate::report::{Kind, Section, TIMES};
use crate::stats::micros;

pub(super) fn measure(bench: &mut Bench) -> Result<Vec<Section>> {
    let rounds = bench.rounds(2000);
    let answer =
        |bench: &mut Bench, who: &Contender| start_with_board(bench, who, "program", &["answer"]);
    let without = Contender {
        name: "no init".into(),
        kind: Kind::Alone,
        path: None,
    };
    let mut alive = vec![Alive::start(bench, without, answer)];
    alive.extend(Alive::start_all(bench, ONE, answer));
    let group = group_of_alive("", &mut alive, rounds, |running, board| {
        // Everybody has gone back to sleep before the next one is woken.
        pause(Duration::from_millis(1));
        board.expect(1);
        let from = now();
        running.signal(libc::SIGUSR1)?;
        arrival(running, board)?;
        Ok(micros(from, board.last()))
    });
    Ok(vec![Section {
        id: "signal",
        title: format!("USR1 at PID 1 → the program's handler, in µs, {rounds} rounds"),
        columns: TIMES.to_vec(),
        headline: 1,
        target: "≤ 1.2 × floor",
        groups: vec![group],
    }])
}
