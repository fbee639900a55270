//! What the repository's files may hold.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::repository;

/// Most lines of Rust in one file, tests aside; see STYLE.md.
const MOST_LINES: usize = 500;

/// Unfinished work. The pieces are joined here so that this file passes its own check.
const UNFINISHED: [(&str, &str); 3] = [
    (concat!("to", "do!("), "write it or leave it out"),
    (concat!("unimple", "mented!("), "write it or leave it out"),
    (concat!("#[ig", "nore"), "assert today's behaviour with a note, or delete the test"),
];

/// Places that packages come from. Which one to use is the business of the machine, not ours.
const REGISTRIES: [&str; 7] = [
    concat!("registry.", "npmjs.org"),
    concat!("registry.", "yarnpkg.com"),
    concat!("files.", "pythonhosted.org"),
    concat!("pypi.org/", "simple"),
    concat!("static.", "crates.io"),
    concat!("index", "-url"),
    concat!("index", ".crates.io"),
];

/// Files that configure package managers for one machine.
const MACHINE_FILES: [&str; 4] = [".npmrc", ".pypirc", "pip.conf", ".yarnrc"];

/// Checks all these files, given relative to the root.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn check(files: &[PathBuf]) -> Result<Vec<String>> {
    let foreign = machine_paths();
    let mut complaints = Vec::new();
    for file in files {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if MACHINE_FILES.contains(&name) {
            complaints.push(format!("{}: configures one machine; remove it", file.display()));
        }
        let bytes = fs::read(repository::root().join(file))
            .with_context(|| format!("cannot read {}", file.display()))?;
        // Pictures and the like have no lines.
        let Ok(text) = String::from_utf8(bytes) else { continue };
        complaints.extend(check_text(file, &text, &foreign));
        complaints.extend(dead_links(file, &text));
    }
    Ok(complaints)
}

/// Folders of this very machine: the repository's and the user's.
fn machine_paths() -> Vec<String> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    // A clone in `/src` and a user who lives in `/` have paths that stand in any text.
    let home = home.filter(|home| home.components().count() > 1);
    let root = Some(repository::root()).filter(|root| root.components().count() > 2);
    let folders = home.into_iter().chain(root.map(Path::to_owned));
    folders.map(|folder| folder.display().to_string()).collect()
}

/// Everything that the text of one file must not hold.
fn check_text(file: &Path, text: &str, foreign: &[String]) -> Vec<String> {
    let mut complaints = Vec::new();
    let rust = file.extension().is_some_and(|it| it == "rs");
    if rust && !is_test(file) && code_lines(text) > MOST_LINES {
        complaints.push(format!(
            "{}: {} lines of code, more than {MOST_LINES}: it holds a second noun; give it a file",
            file.display(),
            code_lines(text)
        ));
    }
    let mut complain = |line: usize, what: String| {
        complaints.push(format!("{}:{}: {what}", file.display(), line + 1));
    };
    for (number, line) in text.lines().enumerate() {
        if rust {
            for (word, remedy) in UNFINISHED.iter().filter(|(word, _)| line.contains(word)) {
                complain(number, format!("`{word}`: {remedy}"));
            }
        }
        if let Some(path) = machine_path(line, foreign) {
            complain(number, format!("`{path}` is a path of one machine"));
        }
        // The lock file names the public index, as cargo writes it.
        let registry = REGISTRIES.iter().find(|host| line.contains(**host));
        if let Some(host) = registry.filter(|_| !file.ends_with("Cargo.lock")) {
            complain(
                number,
                format!("`{host}`: where packages come from is the machine's business"),
            );
        }
    }
    complaints
}

fn is_test(file: &Path) -> bool {
    file.file_stem().is_some_and(|stem| stem == "tests")
        || file.components().any(|part| part.as_os_str() == "tests")
}

/// Lines above the inline test module, which stands last.
fn code_lines(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.windows(2).position(|it| it[0] == "#[cfg(test)]" && it[1].ends_with('{'));
    tests.unwrap_or(lines.len())
}

/// A path in this line that means something on one machine only.
fn machine_path<'a>(line: &'a str, foreign: &'a [String]) -> Option<&'a str> {
    for folder in foreign {
        if line.match_indices(folder.as_str()).any(|(at, _)| is_whole_path(line, at, folder.len()))
        {
            return Some(folder);
        }
    }
    for homes in [concat!("/ho", "me/"), concat!("/Us", "ers/")] {
        let Some((_, rest)) = line.split_once(homes) else { continue };
        let user = rest.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
        if !user.is_empty() && starts_path(line, line.len() - rest.len() - homes.len()) {
            return Some(homes);
        }
    }
    None
}

/// Whether a path begins at this byte: it is not the rest of a longer one.
fn starts_path(line: &str, at: usize) -> bool {
    let before = line[..at].chars().next_back();
    before.is_none_or(|it| !it.is_alphanumeric() && !"._-/}>$*".contains(it))
}

/// Whether this stretch of a line is a path, and not a part of a name.
fn is_whole_path(line: &str, at: usize, length: usize) -> bool {
    let after = line[at + length..].chars().next();
    starts_path(line, at) && after.is_none_or(|it| !it.is_alphanumeric() && !"-_.".contains(it))
}

/// Links of a Markdown file that lead to no file.
fn dead_links(file: &Path, text: &str) -> Vec<String> {
    if file.extension().is_none_or(|it| it != "md") {
        return Vec::new();
    }
    let folder = repository::root().join(file.parent().unwrap_or(Path::new("")));
    let dead = links(text).into_iter().filter(|link| !folder.join(link).exists());
    dead.map(|link| format!("{}: the link to {link} leads nowhere", file.display())).collect()
}

/// Targets of the inline links that are files: no URLs, without the part after `#`.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let files = targets.filter(|target| !target.contains(':'));
    files
        .filter_map(|target| target.split('#').next())
        .filter(|target| !target.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_line(file: &str, line: &str, expected: &[&str]) {
        // The home folder of the user in these tests.
        let foreign = vec![concat!("/ro", "ot").to_owned()];
        assert_eq!(check_text(Path::new(file), line, &foreign), expected);
    }

    #[test]
    fn unfinished_code_is_found() {
        let line = concat!("    to", "do!()");
        check_line("a.rs", line, &[concat!("a.rs:1: `to", "do!(`: write it or leave it out")]);
        check_line("a.md", line, &[]);
    }

    #[test]
    fn ignored_tests_are_found() {
        let line = concat!("#[ig", "nore = \"slow\"]");
        assert_eq!(check_text(Path::new("a.rs"), line, &[]).len(), 1);
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        let root = concat!("/ro", "ot");
        let complaint = format!("x.toml:1: `{root}` is a path of one machine");
        check_line("x.toml", &format!("path = \"{root}/weir\""), &[&complaint]);
        check_line("x.toml", &format!("cd {root}"), &[&complaint]);
        check_line("x.toml", &format!("a{root}/weir {root}ed {{}}{root}"), &[]);
        let home = concat!("/ho", "me/");
        let complaint = format!("x.toml:1: `{home}` is a path of one machine");
        check_line("x.toml", &format!("ls {home}alice"), &[&complaint]);
        check_line("x.toml", &format!("https://example.org{home}page {home}"), &[]);
    }

    #[test]
    fn registries_are_found_outside_the_lock_file() {
        let host = REGISTRIES[0];
        let line = format!("\"resolved\": \"https://{host}/x\"");
        assert_eq!(check_text(Path::new("package-lock.json"), &line, &[]).len(), 1);
        assert!(check_text(Path::new("Cargo.lock"), &line, &[]).is_empty());
    }

    #[test]
    fn long_files_are_found_but_their_tests_do_not_count() {
        let long = "x\n".repeat(MOST_LINES + 1);
        let tested = format!("{}#[cfg(test)]\nmod tests {{\n{long}}}\n", "x\n".repeat(MOST_LINES));
        assert_eq!(check_text(Path::new("src/a.rs"), &long, &[]).len(), 1);
        assert!(check_text(Path::new("src/a.rs"), &tested, &[]).is_empty());
        assert!(check_text(Path::new("src/a/tests.rs"), &long, &[]).is_empty());
        assert!(check_text(Path::new("tests/it/a.rs"), &long, &[]).is_empty());
    }

    #[test]
    fn links_are_read_without_fragments_and_urls() {
        let text = "[a](docs/a.md#x) [b](https://b) [c](#d) ![e](e.png \"title\")";
        assert_eq!(links(text), ["docs/a.md", "e.png"]);
    }

    #[test]
    fn a_dead_link_is_found() {
        let text = "[here](Cargo.toml) [not here](no-such-file.md)";
        let complaints = dead_links(Path::new("README.md"), text);
        assert_eq!(complaints, ["README.md: the link to no-such-file.md leads nowhere"]);
    }
}
