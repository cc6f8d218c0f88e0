//! Bytes on disk: the static binary, and the peers as Debian ships them.

use std::io::Result;

use super::ONE;
use crate::contender::Bench;
use crate::report::{Group, Kind, Line, Section};
use crate::tools::size_of_binary;

pub(super) fn measure(bench: &mut Bench) -> Result<Vec<Section>> {
    let mut lines = Vec::new();
    for who in bench.contenders(ONE) {
        if who.kind == Kind::Again {
            continue;
        }
        let floor = || bench.tools.program("init").into();
        let path = who.path.unwrap_or_else(floor);
        let size = size_of_binary(&path).map_err(|error| error.to_string());
        // A dynamic executable is shown but not compared: libc is not in its size.
        let (linked, kind) = match size {
            Ok((_, true)) => ("dynamic, + libc", Kind::Alone),
            _ => ("static", who.kind),
        };
        let cells = size.map(|(bytes, _)| vec![bytes as f64]);
        lines.push(Line {
            name: format!("{} ({linked})", who.name),
            kind,
            cells,
        });
    }
    Ok(vec![Section {
        id: "size",
        title: "the executable, in bytes".into(),
        columns: vec!["bytes"],
        headline: 0,
        target: "≤ 1,250,000 bytes",
        groups: vec![Group {
            label: String::new(),
            lines,
        }],
    }])
}
