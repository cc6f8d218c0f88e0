//! What people ask for in a world, by the names of programs. In half of the worlds nobody
//! asks for anything; these are as they would be without this file.

use lastout_core::{Scope, Signal, Time, Until};

use super::{Version, at, near};
use crate::random::Random;

/// Somebody asks for something.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) at: Time,
    pub(crate) programs: Vec<String>,
    /// Whether who still lives of these names is meant that is in no configuration any more.
    pub(crate) removed: bool,
    /// A place that is named as well, whoever stands there.
    pub(crate) place: Option<u32>,
    pub(crate) what: What,
    pub(crate) deadline: Option<Time>,
    pub(crate) wait: bool,
    pub(crate) each: bool,
    /// When whoever asked goes away.
    pub(crate) gone: Option<Time>,
}

/// For what.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    Start,
    Stop,
    Restart,
    Signal(Signal, Scope),
    ReloadPrograms,
    Reload,
    Wait(Until),
    Shutdown(Option<u8>),
}

pub(super) fn requests(
    seed: u64,
    (versions, loads): (&[Version], &[Time]),
    stop_at: Time,
) -> Vec<Ask> {
    let mut random = Random::new(seed ^ 0x0a5c);
    if random.chance(50) {
        return Vec::new();
    }
    let mut names: Vec<String> = Vec::new();
    for spec in versions.iter().flat_map(|version| &version.spec.programs) {
        if !names.contains(&spec.name) {
            names.push(spec.name.clone());
        }
    }
    let many = 1 + random.below(14);
    let mut asks: Vec<Ask> = Vec::new();
    // Of its own, so that what is asked for is as it was before anybody heard of each.
    let mut ears = Random::new(seed ^ 0xea25);
    for _ in 0..many {
        let again = asks.last().map(|ask| ask.at).filter(|_| random.chance(35));
        let when = match again {
            // What overtakes comes soon after, or at once.
            Some(last) => last.plus(random.mostly_short(super::ms(1_500))),
            None if random.chance(15) => at(random.within(super::ms(20))),
            None => near(&mut random, stop_at),
        };
        asks.push(ask(&mut random, &names, when, ears.chance(50)));
    }
    // Who was removed is there for a moment only. Of its own as well, and behind the others.
    let mut ghosts = Random::new(seed ^ 0x9057);
    for load in loads {
        for _ in 0..ghosts.below(4) {
            let when = load.plus(ghosts.mostly_short(super::ms(1_500)));
            let each = ghosts.chance(50);
            let ask = ask(&mut ghosts, &names, when, each);
            asks.push(Ask {
                removed: true,
                ..ask
            });
        }
    }
    asks
}

fn ask(random: &mut Random, names: &[String], at: Time, each: bool) -> Ask {
    let programs = match random.below(10) {
        0..6 => vec![names[random.below(names.len() as u64) as usize].clone()],
        6..8 => names
            .iter()
            .filter(|_| random.chance(40))
            .cloned()
            .collect(),
        _ => names.to_vec(),
    };
    let deadline = random.chance(30).then(|| match random.chance(20) {
        true => at,
        false => at.plus(random.within(super::ms(4_000))),
    });
    let gone = random.chance(10);
    Ask {
        at,
        programs,
        removed: false,
        place: random.chance(8).then(|| random.below(14) as u32),
        what: what(random),
        deadline,
        wait: random.chance(85),
        each,
        gone: gone.then(|| at.plus(random.mostly_short(super::ms(2_000)))),
    }
}

fn what(random: &mut Random) -> What {
    match random.below(100) {
        0..25 => What::Start,
        25..50 => What::Stop,
        50..70 => What::Restart,
        70..83 => What::Wait(random.pick(&[
            Until::Running,
            Until::Ready,
            Until::Healthy,
            Until::Exited,
            Until::Stopped,
        ])),
        83..88 => What::Signal(
            random.pick(&[Signal::HUP, Signal::USR1, Signal::RTMIN_3]),
            random.pick(&[Scope::Leader, Scope::Tree]),
        ),
        88..93 => What::ReloadPrograms,
        93..98 => What::Reload,
        _ => What::Shutdown(random.pick(&[None, None, Some(7)])),
    }
}
