//! docs/gateway.md names the test of each promise: the names must be those of tests.

use std::path::{Path, PathBuf};

/// Every Rust file below a folder, as one text.
fn sources(folder: &Path, text: &mut String) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

/// `module::name` in the code spans of a text, without what surrounds it; a name that is cut ends
/// with `…`, and all of a module are `*`.
fn named(text: &str) -> Vec<(&str, &str)> {
    let spans = text.split('`').skip(1).step_by(2);
    let tests = spans.map(|span| span.strip_prefix("it ").unwrap_or(span));
    let paths = tests.filter(|test| !test.contains(char::is_whitespace));
    paths.filter_map(|path| path.rsplit_once("::")).collect()
}

#[test]
fn every_test_that_the_documentation_names_exists() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let mut tests = String::new();
    sources(&repository.join("crates/gateway/src"), &mut tests);
    sources(&repository.join("crates/runtime/src"), &mut tests);
    sources(&repository.join("crates/integration-tests/tests/it"), &mut tests);
    let mut count = 0;
    for file in ["docs/gateway.md", "docs/performance.md"] {
        let text = std::fs::read_to_string(repository.join(file)).unwrap();
        for (module, name) in named(&text) {
            let wanted = match (name, name.strip_suffix('…')) {
                ("*" | "…", _) => format!("mod {};", module.rsplit("::").next().unwrap()),
                (_, Some(beginning)) => format!("fn {beginning}"),
                (whole, None) => format!("fn {whole}("),
            };
            assert!(
                tests.contains(&wanted),
                "{file}: {module}::{name}, but there is no {wanted:?}"
            );
            count += 1;
        }
    }
    assert!(count > 50, "only {count} names were found");
}
