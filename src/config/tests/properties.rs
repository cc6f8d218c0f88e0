//! Whatever the text is: a plan or errors, never a panic, and places that are there.

use super::*;
use proptest::prelude::*;

/// Loads a text, and checks that every place that is told is in it.
fn survives(text: &[u8]) -> Result<(), TestCaseError> {
    let folder = Folder::new("");
    folder.write("supervisor.toml", text);
    let Err(told) = folder.load() else {
        return Ok(());
    };
    prop_assert!(!told.is_empty());
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.split('\n').collect();
    for line in told.lines() {
        let Some(position) = line.strip_prefix("supervisor.toml:") else {
            continue;
        };
        let mut numbers = position.splitn(3, ':').map(str::parse::<usize>);
        let (Some(Ok(line)), Some(Ok(column))) = (numbers.next(), numbers.next()) else {
            continue;
        };
        prop_assert!((1..=lines.len()).contains(&line), "{told}");
        prop_assert!(
            (1..=lines[line - 1].chars().count() + 1).contains(&column),
            "{told}"
        );
    }
    Ok(())
}

/// Lines that are nearly a configuration.
fn nearly() -> impl Strategy<Value = String> {
    let key = prop::sample::select(
        keys::PROGRAM
            .into_iter()
            .chain(keys::SUPERVISOR)
            .chain([
                "TERM",
                "USR1",
                "KILL",
                "a.b",
                "\"x y\"",
                "",
                "A B",
                "=",
                "é",
                "program.b",
            ])
            .collect::<Vec<_>>(),
    );
    let value = prop_oneof![
        "\\PC{0,12}",
        "\"\\PC{0,12}\"",
        "'[ -~]{0,12}'",
        "-?[0-9]{1,20}(\\.[0-9]{1,3})?",
        "\\[(1|\"a\"|'b c'|,|\\[|\\]){0,4}\\]?",
        "\\{ ?([A-C] = (1|\"\\$\\{A\\}\"|'\\$\\{B:-x\\}')(, )?){0,3}\\}?",
        Just("\"\"\"\n${A} \\u0041\n\"\"\"".to_owned()),
        Just("'${'".to_owned()),
        Just("true".to_owned()),
        "\\{ (notify|fd|tcp|http|exec|interval|retries) = (true|1|'a:1'|'http://a'|0)(, timeout = 2)? \\}",
        "\\{ (a|b|nofile|core) = ('ready'|'completed'|\\[1, 2\\]|'1KiB'|'/etc/hostname') \\}",
        "\\['(a|b|c|a:0|a:1|-/nope|CHOWN)'(, 'b')?\\]",
        "(1|2|5)",
        "'([0-9*/,-]{1,3} ){4}[0-9*/,-]{1,3}'",
        Just("[\"sh\", \"-c\", \"x\"]".to_owned()),
        Just("\"forward:a\"".to_owned()),
    ];
    let header = prop::sample::select(vec![
        "[program.a]",
        "[program.b]",
        "[program.a.environment]",
        "[[program.a]]",
        "[program]",
        "[defaults]",
        "[supervisor]",
        "[signals]",
        "[program.\"a b\"]",
        "[",
        "[]",
        "[program.",
        "include = [\"*\", \"[\", \"${A}\"]",
        "# é",
    ]);
    let line = prop_oneof![
        3 => (key, value).prop_map(|(key, value)| format!("{key} = {value}")),
        2 => header.prop_map(str::to_owned),
    ];
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>) {
        survives(&bytes)?;
    }

    #[test]
    fn any_text_is_survived(text in "(\\PC|[\\[\\]{}=\"'.,\n\t\r\\\\$]){0,80}") {
        survives(text.as_bytes())?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_nearly_a_configuration_is_survived(text in nearly()) {
        survives(text.as_bytes())?;
    }
}

#[test]
fn a_file_of_nothing_but_errors_costs_no_more_than_its_size() {
    for line in ["x\n", "a = = 1\n", "[program.a]\n", "\"${\"\n", "= '\n"] {
        survives(line.repeat(500_000 / line.len()).as_bytes()).unwrap();
    }
    let keys: String = (0..40_000).map(|i| format!("k{i} = 1\n")).collect();
    survives(format!("[program.a]\n{keys}").as_bytes()).unwrap();
    let words = "${NOPE} ".repeat(60_000);
    survives(format!("[program.a]\ncommand = '{words}'").as_bytes()).unwrap();
    let programs: String = (0..10_000).map(|i| format!("[program.p{i}]\n")).collect();
    survives(format!("[defaults]\ncommand = 1\n{programs}").as_bytes()).unwrap();
    let names: Vec<String> = (0..60_000).map(|i| format!("'x{i}'")).collect();
    let needy = format!("command = 'b'\ndepends_on = [{}]\n", names.join(", "));
    survives(format!("[program.b]\n{needy}").as_bytes()).unwrap();
    let programs: String = (0..10_000).map(|i| format!("[program.x{i}]\n")).collect();
    survives(
        format!("[program.b]\n{needy}\n[defaults]\ncommand = 'a'\nnumprocs = 1000\n{programs}")
            .as_bytes(),
    )
    .unwrap();
    let chain: String = (0..10_000)
        .map(|i| {
            format!(
                "[program.x{i}]\ndepends_on = ['x{}', 'x{}']\n",
                (i + 1) % 10_000,
                i / 2
            )
        })
        .collect();
    survives(format!("[defaults]\ncommand = 'a'\n{chain}").as_bytes()).unwrap();
}
