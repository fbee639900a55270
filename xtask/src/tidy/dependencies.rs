//! The edges between crates, compared with the table of rooms.

use std::collections::{BTreeMap, VecDeque};

use super::manifests::{Package, Workspace};
use super::rooms::Room;

/// Compares every crate of the workspace with its row.
pub(super) fn check(workspace: &Workspace, rooms: &[Room]) -> Vec<String> {
    let mut complaints = Vec::new();
    for room in rooms {
        if !workspace.own().any(|(_, package)| package.name == room.name) {
            complaints.push(format!(
                "there is no crate `{}`: remove its row from xtask/src/tidy/rooms.rs",
                room.name
            ));
        }
    }
    for (id, package) in workspace.own() {
        match rooms.iter().find(|room| room.name == package.name) {
            Some(room) => {
                complaints.extend(banned(workspace, id, room));
                complaints.extend(unlisted(package, room));
            }
            None => complaints.push(format!(
                "`{}` has no row in xtask/src/tidy/rooms.rs: say there what it may use",
                package.name
            )),
        }
    }
    complaints
}

/// What the crate must never reach but does, with the way that leads there.
fn banned(workspace: &Workspace, id: &str, room: &Room) -> Vec<String> {
    let ways = ways_from(workspace, id);
    let mut complaints = Vec::new();
    for (name, reason) in room.never {
        let Some(way) = ways.get(name) else { continue };
        let through =
            if way.len() > 2 { format!(" ({})", way.join(" → ")) } else { String::new() };
        complaints.push(format!("`{}` must not depend on `{name}`{through}: {reason}", room.name));
    }
    complaints
}

/// What the crate names itself but its row does not list. Bans are told by [`banned`].
fn unlisted(package: &Package, room: &Room) -> Vec<String> {
    let listed = |name: &str| {
        room.ours.contains(&name)
            || room.libraries.contains(&name)
            || room.never.iter().any(|(banned, _)| *banned == name)
    };
    let unlisted = package.direct.iter().filter(|name| !listed(name));
    unlisted
        .map(|name| {
            format!(
                "`{}` may not use `{name}`: it is not in the crate's row of \
                 xtask/src/tidy/rooms.rs. If it belongs there, add it, and name licence, last \
                 release and what it saves in the commit",
                room.name
            )
        })
        .collect()
}

/// The shortest way from a package to every package that it reaches, by names.
fn ways_from<'a>(workspace: &'a Workspace, id: &str) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut ways = BTreeMap::new();
    let Some(start) = workspace.packages.get(id) else { return ways };
    let mut open = VecDeque::from([(start, vec![start.name.as_str()])]);
    while let Some((package, way)) = open.pop_front() {
        for next in package.edges.iter().filter_map(|edge| workspace.packages.get(edge)) {
            if ways.contains_key(next.name.as_str()) {
                continue;
            }
            let mut longer = way.clone();
            longer.push(&next.name);
            ways.insert(next.name.as_str(), longer.clone());
            open.push_back((next, longer));
        }
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    const PURE: &str = "reports are pure functions of a Run";
    const ROOMS: &[Room] = &[
        Room {
            name: "report",
            ours: &["results"],
            libraries: &["maud"],
            never: &[("tokio", PURE)],
        },
        Room { name: "results", ours: &[], libraries: &["serde", "tokio"], never: &[] },
    ];

    /// A workspace from lines such as `report: results maud`; `report` and `results` are members.
    fn workspace(lines: &[&str]) -> Workspace {
        let mut packages = BTreeMap::new();
        for line in lines {
            let (name, uses) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
            let uses: Vec<String> = uses.split_whitespace().map(str::to_owned).collect();
            let package = Package {
                name: name.to_owned(),
                direct: uses.iter().cloned().collect(),
                edges: uses,
                ..Package::default()
            };
            packages.insert(name.to_owned(), package);
        }
        Workspace { packages, members: vec!["report".into(), "results".into()] }
    }

    fn check_lines(lines: &[&str], expected: &[&str]) {
        assert_eq!(check(&workspace(lines), ROOMS), expected);
    }

    #[test]
    fn listed_edges_are_fine() {
        check_lines(&["report: results maud", "results: serde", "maud:", "serde:"], &[]);
    }

    #[test]
    fn a_banned_edge_is_told_in_one_sentence() {
        check_lines(
            &["report: tokio", "results:", "tokio:"],
            &["`report` must not depend on `tokio`: reports are pure functions of a Run"],
        );
    }

    #[test]
    fn a_banned_crate_is_found_through_others() {
        check_lines(
            &["report: results", "results: tokio", "tokio:"],
            &["`report` must not depend on `tokio` (report → results → tokio): reports are pure \
               functions of a Run"],
        );
    }

    #[test]
    fn an_unlisted_library_is_refused() {
        let complaints = check(&workspace(&["report: askama", "results:", "askama:"]), ROOMS);
        assert_eq!(complaints.len(), 1);
        assert!(complaints[0].starts_with("`report` may not use `askama`: "), "{complaints:?}");
    }

    #[test]
    fn a_row_without_a_crate_and_a_crate_without_a_row_are_refused() {
        let mut workspace = workspace(&["report:", "gateway:"]);
        workspace.members = vec!["report".into(), "gateway".into()];
        let complaints = check(&workspace, ROOMS);
        assert_eq!(complaints.len(), 2);
        assert!(complaints[0].starts_with("there is no crate `results`"), "{complaints:?}");
        assert!(complaints[1].starts_with("`gateway` has no row"), "{complaints:?}");
    }

    #[test]
    fn circles_end() {
        check_lines(&["report: results", "results: serde", "serde: serde"], &[]);
    }
}
