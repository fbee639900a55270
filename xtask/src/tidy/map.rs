//! The table of who may use whom in ARCHITECTURE.md, compared with the table of rooms, which is
//! compared with the manifests.

use std::collections::{BTreeMap, BTreeSet};

use super::rooms::Room;

/// The heading under which the table stands.
const HEADING: &str = "## Who may use whom";

/// What the document calls a package that has another name than its folder.
const CALLED: [(&str, &str); 1] = [("weir", "cli")];

/// Compares the document with the rooms.
pub(super) fn check(document: &str, rooms: &[Room]) -> Vec<String> {
    let told = table(document);
    let mut complaints = Vec::new();
    for room in rooms {
        let name = called(room.name);
        let ours: BTreeSet<&str> = room.ours.iter().copied().map(called).collect();
        match told.get(name) {
            None => complaints.push(format!(
                "ARCHITECTURE.md: `{name}` has no row under \"{HEADING}\"; say there what it may use"
            )),
            Some(told) if *told != ours => complaints.push(format!(
                "ARCHITECTURE.md: the row of `{name}` says {told:?}, and xtask/src/tidy/rooms.rs \
                 {ours:?}"
            )),
            Some(_) => {}
        }
    }
    let is_room = |name: &str| rooms.iter().any(|room| called(room.name) == name);
    for name in told.keys().filter(|name| !is_room(name)) {
        complaints.push(format!("ARCHITECTURE.md: there is no crate `{name}`; remove its row"));
    }
    complaints
}

fn called(name: &str) -> &str {
    CALLED.iter().find(|(package, _)| *package == name).map_or(name, |(_, called)| called)
}

/// The rows of the table: a crate, and which of ours it may use.
fn table(document: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let lines = document.lines().skip_while(|line| *line != HEADING).skip(1);
    let rows = lines.take_while(|line| !line.starts_with("## ")).filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|');
        let name = cells.next()?.trim_end().strip_suffix('`')?;
        Some((name, quoted(cells.next()?)))
    });
    rows.collect()
}

/// The words of a cell that stand between backticks.
fn quoted(cell: &str) -> BTreeSet<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOMS: &[Room] = &[
        Room { name: "wire", ours: &[], libraries: &["serde"], never: &[] },
        Room { name: "weir", ours: &["wire"], libraries: &[], never: &[] },
    ];

    fn check_rows(rows: &str, expected: &[&str]) {
        let table = "| crate | of ours | must not |\n| --- | --- | --- |\n";
        let document =
            format!("| `other` | `table` |\n\n{HEADING}\n\n{table}{rows}\n## Next\n| `x` | – |");
        assert_eq!(check(&document, ROOMS), expected);
    }

    #[test]
    fn a_table_that_says_what_the_rooms_say_is_fine() {
        check_rows("| `wire` | – | do I/O |\n| `cli` | `wire` | be used |\n", &[]);
    }

    #[test]
    fn a_row_too_few_and_one_too_many_are_told() {
        check_rows(
            "| `wire` | – | do I/O |\n| `gateway` | `wire` | x |\n",
            &[
                "ARCHITECTURE.md: `cli` has no row under \"## Who may use whom\"; say there what it \
                 may use",
                "ARCHITECTURE.md: there is no crate `gateway`; remove its row",
            ],
        );
    }

    #[test]
    fn another_edge_than_the_rooms_have_is_told() {
        check_rows(
            "| `wire` | `cli` | do I/O |\n| `cli` | `wire` | be used |\n",
            &["ARCHITECTURE.md: the row of `wire` says {\"cli\"}, and xtask/src/tidy/rooms.rs {}"],
        );
    }
}
