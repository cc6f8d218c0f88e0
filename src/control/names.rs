//! Which programs a name means: `NAME`, `NAME:2`, `all`, and patterns with `*`.

use lastout_core::ProgramId;

use super::wire::{Code, Refusal};
use crate::config::nearest;

/// How many names an error lists.
const LISTED: usize = 12;

/// The programs that these names stand for, in the order of their places, each once. No
/// name stands for all. `known`: what there is.
///
/// # Errors
/// A name that none has, with the nearest, or those that there are.
pub fn find(known: &[(ProgramId, &str)], names: &[String]) -> Result<Vec<ProgramId>, Refusal> {
    let bases: Vec<&str> = known.iter().map(|(_, name)| base(name)).collect();
    let mut is_meant = vec![names.is_empty(); known.len()];
    for name in names {
        let is_pattern = name.contains('*');
        let means = |text: &str| match is_pattern {
            true => fits(name, text),
            false => name == text,
        };
        let is_all = name == "all";
        // All of none is none.
        let mut found = is_all;
        for (((_, known), base), is_meant) in known.iter().zip(&bases).zip(&mut is_meant) {
            if is_all || means(known) || means(base) {
                *is_meant = true;
                found = true;
            }
        }
        if !found {
            return Err(missing(known, name));
        }
    }
    let meant = known.iter().zip(is_meant).filter(|(_, is_meant)| *is_meant);
    Ok(meant.map(|((id, _), _)| *id).collect())
}

/// The name without the number of an instance.
fn base(program: &str) -> &str {
    program.split(':').next().unwrap_or(program)
}

/// Whether a pattern fits, in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, mut pattern)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(start) else {
        return false;
    };
    // Each part at its first place: what is behind it has the most room then.
    while let Some((part, rest)) = pattern.split_once('*') {
        let Some((_, after)) = text.split_once(part) else {
            return false;
        };
        (text, pattern) = (after, rest);
    }
    text.ends_with(pattern)
}

fn missing(known: &[(ProgramId, &str)], name: &str) -> Refusal {
    let shown: String = name.chars().take(64).collect();
    let message = match name {
        "" => String::from("a name is empty"),
        _ if name.contains('*') => format!("no program fits {shown}"),
        _ => format!("no program named {shown}"),
    };
    let refusal = Refusal::new(Code::NoSuchProgram, message);
    let mut names = known.iter().map(|(_, name)| *name);
    let mut bases = known.iter().map(|(_, name)| base(name));
    let near = nearest(name, &mut names).or_else(|| nearest(name, &mut bases));
    if let Some(near) = near {
        return refusal.hint(format!("did you mean {near}?"));
    }
    let names: Vec<&str> = known.iter().map(|(_, name)| *name).collect();
    let listed = names.get(..LISTED).unwrap_or(&names).join(", ");
    let more = match names.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let are = if names.len() == 1 { "is" } else { "are" };
    refusal.hint(format!("there {are} {listed}{more}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 5] = ["web", "worker:0", "worker:1", "db-main", "db-copy"];

    fn found(names: &[&str]) -> Result<Vec<&'static str>, Refusal> {
        let known: Vec<(ProgramId, &str)> = (0..).map(ProgramId).zip(KNOWN).collect();
        let names: Vec<String> = names.iter().map(|name| String::from(*name)).collect();
        let found = find(&known, &names)?;
        Ok(found.iter().map(|id| KNOWN[id.0 as usize]).collect())
    }

    #[test]
    fn a_name_stands_for_all_instances_and_a_number_for_one() {
        assert_eq!(found(&["worker"]).unwrap(), ["worker:0", "worker:1"]);
        assert_eq!(found(&["worker:1", "web"]).unwrap(), ["web", "worker:1"]);
        assert_eq!(found(&["web", "web"]).unwrap(), ["web"]);
    }

    #[test]
    fn all_and_no_name_stand_for_all() {
        assert_eq!(found(&["all"]).unwrap(), KNOWN);
        assert_eq!(found(&[]).unwrap(), KNOWN);
    }

    #[test]
    fn a_star_stands_for_anything() {
        assert_eq!(found(&["db-*"]).unwrap(), ["db-main", "db-copy"]);
        assert_eq!(found(&["*"]).unwrap(), KNOWN);
        assert_eq!(found(&["*:1"]).unwrap(), ["worker:1"]);
        assert_eq!(found(&["w*k*:*"]).unwrap(), ["worker:0", "worker:1"]);
        assert_eq!(found(&["*b*b*"]).unwrap_err().code, Code::NoSuchProgram);
        assert!(!fits("a*a", "a") && fits("a*a", "aa") && fits("**", ""));
    }

    #[test]
    fn a_name_that_none_has_is_an_error_with_the_nearest() {
        let hint = |name| found(&[name]).unwrap_err().hint.unwrap();
        assert_eq!(hint("wbe"), "did you mean web?");
        assert_eq!(hint("wroker"), "did you mean worker?");
        assert_eq!(hint("worker:7"), "did you mean worker:0?");
        let all = "there are web, worker:0, worker:1, db-main, db-copy";
        assert_eq!(hint("something"), all);
        let message = found(&[""]).unwrap_err().message;
        assert_eq!(message, "a name is empty");
        let only = missing(&[(ProgramId(0), "sleep")], "main").hint;
        assert_eq!(only.unwrap(), "there is sleep");
    }
}
