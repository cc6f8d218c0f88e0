//! The lines of docs/faces.md, "Swap it in", each tried in a real image.

use lastout_harness::engine::Image;

/// The line for each init, and the entry point that the image had before and keeps.
const SWAPS: [(&str, &str, &str); 4] = [
    ("tini", "COPY lastout /sbin/tini", r#"["/sbin/tini", "--"]"#),
    (
        "tini-static",
        "COPY lastout /sbin/tini-static",
        r#"["/sbin/tini-static", "--"]"#,
    ),
    (
        "dumb-init",
        "COPY lastout /usr/bin/dumb-init",
        r#"["/usr/bin/dumb-init", "--"]"#,
    ),
    (
        "catatonit",
        "COPY lastout /usr/bin/catatonit",
        r#"["/usr/bin/catatonit", "--"]"#,
    ),
];

#[test]
fn the_line_that_the_manual_gives_changes_the_init() {
    let workspace = lastout_harness::binaries::workspace();
    let [manual, readme] = ["docs/faces.md", "README.md"]
        .map(|file| std::fs::read_to_string(workspace.join(file)).unwrap());
    for (init, line, entry) in SWAPS {
        for text in [&manual, &readme] {
            assert!(text.contains(line), "{line:?} is not told of");
        }
        let dockerfile = format!(
            "{line}\nENTRYPOINT {entry}\nCMD [\"/probe\", \"daemon\", \"--stay\", \"--after\", \"200ms\"]"
        );
        let image = Image::with(&[], &dockerfile);
        let container = image.run(&[], &[]);
        container.wait_for_line("daemon: ready");
        let _ = container.stop();
        assert!(
            container.lines().has("daemon: got SIGTERM, leaving"),
            "{init}"
        );
        assert_eq!(container.wait(), 0, "{init}");
        // As silent as the original.
        assert!(
            !container.lines().has("lastout"),
            "{init}: {}",
            container.lines().text()
        );
    }
}
