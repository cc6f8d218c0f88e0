//! The keys that say what a program may use.

use super::super::problem::{Problem, Problems};
use super::super::size::parse_size;
use lastout_core::order;

use super::super::text::quoted;
use super::super::tree::{Entry, Value};
use super::super::value::Field;
use super::{Reader, Setting};
use crate::limits::{Capabilities, Limits, Resource, ResourceLimit};

const RLIMIT_FORMS: &str =
    "a number, a size (\"64KiB\", \"50MB\"), \"unlimited\", or [soft, hard] of these";

impl Reader<'_> {
    pub(super) fn limits(&self, limits: &mut Limits, problems: &mut Problems) {
        let mut set = Setting {
            reader: self,
            problems,
        };
        set.to(&mut limits.nice, "nice", |f| {
            f.small_integer(-20, 19).map(Some)
        });
        set.to(&mut limits.oom_score_adj, "oom_score_adj", |f| {
            f.small_integer(-1000, 1000).map(Some)
        });
        set.to(&mut limits.capabilities, "capabilities", |f| {
            capabilities(f).map(Some)
        });
        set.to(&mut limits.no_new_privileges, "no_new_privileges", |f| {
            f.boolean()
        });
        let Some(field) = self.field("rlimits") else {
            return;
        };
        let Value::Table(table) = &field.node.value else {
            let problem = field.expected("a table");
            problems.error(problem.note("as { nofile = 65536 }"));
            return;
        };
        let limit = |entry| problems.take(resource_limit(field, entry));
        limits.resources = table.iter().filter_map(limit).collect();
        order::sort_by(&mut limits.resources, |a, b| {
            a.resource.number().cmp(&b.resource.number())
        });
    }
}

fn resource_limit(field: Field<'_>, entry: &Entry) -> Result<ResourceLimit, Problem> {
    let name = entry.name.as_str();
    let Some(resource) = Resource::named(name) else {
        let problem = field.wrong(format_args!("unknown limit {}", quoted(name)));
        let problem = problem.moved_to(entry.place);
        return Err(match name {
            "locks" => {
                problem.note("it has no effect on a program, and lastout knows its processes by it")
            }
            name => problem
                .note(format_args!(
                    "valid: {}",
                    Resource::names().collect::<Vec<_>>().join(", ")
                ))
                .nearest(name, Resource::names()),
        });
    };
    let field = field.inner(entry);
    let (soft, hard) = if let Value::Array(items) = &entry.node.value {
        let [soft, hard] = items.as_slice() else {
            return Err(field.wrong("there are two: [soft, hard]"));
        };
        (limit(field.part(soft))?, limit(field.part(hard))?)
    } else {
        let both = limit(field)?;
        (both, both)
    };
    if soft > hard {
        return Err(field.wrong("the soft limit is above the hard one"));
    }
    Ok(ResourceLimit {
        resource,
        soft,
        hard,
    })
}

fn limit(field: Field<'_>) -> Result<u64, Problem> {
    let value = if let Value::Integer(number) = &field.node.value {
        number.and_then(|n| u64::try_from(n).ok())
    } else if let Value::String(text) = &field.node.value {
        match text.as_str() {
            "unlimited" => Some(u64::MAX),
            text => parse_size(text),
        }
    } else {
        return Err(field.expected("a limit").note(RLIMIT_FORMS));
    };
    value.ok_or_else(|| field.wrong("not a limit").note(RLIMIT_FORMS))
}

fn capabilities(field: Field<'_>) -> Result<Capabilities, Problem> {
    let Value::Array(items) = &field.node.value else {
        let problem = field.expected("an array of names");
        return Err(problem.note("as [\"NET_BIND_SERVICE\"]"));
    };
    let mut all = Capabilities::default();
    for item in items {
        let field = field.part(item);
        let name = field.string("a name")?;
        let Some(capability) = Capabilities::named(name) else {
            let upper = name.to_ascii_uppercase();
            let short = upper.strip_prefix("CAP_").unwrap_or(&upper);
            let problem = field.wrong(format_args!("unknown capability {}", quoted(name)));
            return Err(problem.nearest(short, Capabilities::names()));
        };
        all = all.with(capability);
    }
    Ok(all)
}
