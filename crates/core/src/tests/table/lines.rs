//! The lines of the table: the states that a program may be in, and how each came there.

use alloc::vec;

use super::super::requests::{by_hand, quiet};
use super::super::*;
use crate::{
    Autorestart, Concurrency, HealthAction, Healthcheck, Kind, Readiness, ReadyBy, Retries,
};

/// A state, the number of the program that is in it, and how it came there.
pub(super) type Line = (&'static str, u32, fn() -> Bench);

pub(super) const LINES: &[Line] = &[
    ("not asked for yet", 0, || up_to(by_hand_only(), 1)),
    ("its time is to come", 0, || up_to(scheduled(), 1)),
    ("stopped on request", 0, stopped_on_request),
    ("waits for db, that starts", 0, || {
        Bench::new(vec![needing_db(), quiet("db"), other()])
    }),
    ("waits for db, not started", 0, || {
        Bench::new(vec![needing_db(), by_hand("db"), other()])
    }),
    ("new, waits for who leaves", 2, new_after_the_removed),
    ("pre_start", 0, || up_to(with_pre_start(), 0)),
    ("forked", 0, || up_to(web(), 0)),
    ("not up", 0, || up_to(slow(), 1)),
    ("not ready", 0, || up_to(saying_ready(), 1)),
    ("up", 0, || up_to(web(), 1)),
    ("up, with a reload_signal", 0, || {
        up_to(with_reload_signal(), 1)
    }),
    ("up, without a healthcheck", 0, || up_to(quiet("web"), 1)),
    ("up, a oneshot", 0, || up_to(oneshot(), 1)),
    ("up, told after its user", 0, stopped_with_its_user),
    ("up, restarted after its user", 0, || {
        let mut bench = with_its_user();
        bench.asks_to_restart(1, &[0, 1]);
        bench
    }),
    ("told, by a stop", 0, || {
        let mut bench = up_to(with_reload_signal(), 1);
        bench.asks_to_stop(1, &[0]);
        bench
    }),
    ("told, by a restart", 0, || {
        let mut bench = up_to(web(), 1);
        bench.asks_to_restart(1, &[0]);
        bench
    }),
    ("told in its pre_start", 0, || {
        let mut bench = up_to(with_pre_start(), 0);
        bench.asks_to_stop(1, &[0]);
        bench
    }),
    ("leftovers", 0, || {
        let mut bench = up_to(web(), 1);
        bench.exited(1, 1);
        bench
    }),
    ("post_stop", 0, || {
        let mut bench = up_to(with_post_stop(), 1);
        bench.ends(1, 0);
        bench
    }),
    ("backoff", 0, || {
        let mut bench = up_to(web(), 1);
        bench.ends(1, 1);
        bench
    }),
    ("done", 0, || {
        let mut bench = up_to(web(), 1);
        bench.ends(1, 0);
        bench
    }),
    ("failed", 0, || {
        let mut bench = up_to(never_again(), 1);
        bench.ends(1, 3);
        bench
    }),
    ("given up", 0, || {
        let mut bench = up_to(without_retries(), 0);
        bench.failed(1, not_found());
        bench
    }),
    ("removed, told", 0, || {
        let mut bench = up_to(web(), 1);
        bench.loaded(vec![other()]);
        bench
    }),
    ("removed, and gone", 0, || {
        let mut bench = up_to(web(), 1);
        bench.loaded(vec![other()]);
        bench.ends(1, 0);
        bench
    }),
    ("second life of a job", 2, twin),
    ("no such program", 9, || up_to(web(), 1)),
    ("the end: up, its user first", 0, || {
        let mut bench = with_its_user();
        bench.signal(Signal::TERM);
        bench
    }),
    ("the end: told", 0, || {
        let mut bench = up_to(web(), 1);
        bench.signal(Signal::TERM);
        bench
    }),
    ("the end: gone", 0, || {
        let mut bench = up_to(web(), 1);
        bench.signal(Signal::TERM);
        bench.ends(1, 0);
        bench
    }),
    ("over", 0, || {
        let mut bench = up_to(web(), 1);
        bench.signal(Signal::TERM);
        bench.ends(1, 0);
        bench.ends(2, 0);
        bench.fact(Event::NobodyLeft);
        bench
    }),
];

/// Beside another one, so that the container goes on; the first so many of both run.
fn up_to(web: ProgramSpec, runs: u64) -> Bench {
    Bench::running(vec![web, other()], runs)
}

fn other() -> ProgramSpec {
    quiet("other")
}

fn web() -> ProgramSpec {
    ProgramSpec {
        healthcheck: Some(Healthcheck {
            action: HealthAction::Nothing,
            ..Healthcheck::DEFAULT
        }),
        ..quiet("web")
    }
}

fn by_hand_only() -> ProgramSpec {
    ProgramSpec {
        autostart: false,
        ..web()
    }
}

fn scheduled() -> ProgramSpec {
    ProgramSpec {
        schedule: Some(Concurrency::Allow),
        ..web()
    }
}

fn needing_db() -> ProgramSpec {
    ProgramSpec {
        needs: needing("web", &[1]).needs,
        ..web()
    }
}

fn with_pre_start() -> ProgramSpec {
    ProgramSpec {
        pre_start: true,
        ..web()
    }
}

fn with_post_stop() -> ProgramSpec {
    ProgramSpec {
        post_stop: true,
        ..web()
    }
}

fn with_reload_signal() -> ProgramSpec {
    ProgramSpec {
        reload_signal: Some(Signal::HUP),
        ..web()
    }
}

fn slow() -> ProgramSpec {
    ProgramSpec {
        startsecs: ms(1_000),
        ..web()
    }
}

fn saying_ready() -> ProgramSpec {
    ProgramSpec {
        readiness: Some(Readiness::new(ReadyBy::Message)),
        ..web()
    }
}

fn oneshot() -> ProgramSpec {
    ProgramSpec {
        kind: Kind::Oneshot,
        ..web()
    }
}

fn never_again() -> ProgramSpec {
    ProgramSpec {
        autorestart: Autorestart::Never,
        ..web()
    }
}

fn without_retries() -> ProgramSpec {
    ProgramSpec {
        startretries: Retries::AtMost(0),
        ..web()
    }
}

fn stopped_on_request() -> Bench {
    let mut bench = up_to(web(), 1);
    bench.asks_to_stop(1, &[0]);
    bench.ends(1, 0);
    bench
}

/// A program that another one needs, both up.
fn with_its_user() -> Bench {
    Bench::running(vec![web(), needing("user", &[0]), other()], 3)
}

fn stopped_with_its_user() -> Bench {
    let mut bench = with_its_user();
    bench.asks_to_stop(1, &[0, 1]);
    bench
}

fn new_after_the_removed() -> Bench {
    let mut bench = Bench::running(vec![quiet("old"), other()], 2);
    bench.loaded(vec![web(), other()]);
    bench
}

fn twin() -> Bench {
    let mut bench = up_to(scheduled(), 1);
    bench.due(0);
    bench.due(0);
    bench
}
