//! The workspace as cargo sees it, and what every manifest must say.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

/// The packages of the workspace and all that they reach.
pub(super) struct Workspace {
    /// All packages by their id.
    pub(super) packages: BTreeMap<String, Package>,
    /// Ids of the workspace's own packages.
    pub(super) members: Vec<String>,
}

/// One package.
#[derive(Default)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// The SPDX expression of its manifest; `None` for packages that only name a file.
    pub(super) licence: Option<String>,
    pub(super) description: Option<String>,
    pub(super) publishable: bool,
    /// Names under `[dependencies]`, for any platform.
    pub(super) direct: BTreeSet<String>,
    /// Ids of the packages that these names resolve to.
    pub(super) edges: Vec<String>,
}

impl Workspace {
    /// Reads the output of `cargo metadata`.
    ///
    /// # Errors
    /// When a field is missing: cargo's format has changed.
    pub(super) fn read(metadata: &Value) -> Result<Self> {
        let mut packages = BTreeMap::new();
        for package in list(metadata, "packages")? {
            packages.insert(text(package, "id")?, Package::read(package)?);
        }
        let resolve = metadata.get("resolve").context("no `resolve`")?;
        for node in list(resolve, "nodes")? {
            let package = packages.get_mut(&text(node, "id")?).context("a node without package")?;
            for dependency in list(node, "deps")? {
                let is_normal = |kind: &Value| kind.get("kind").is_some_and(Value::is_null);
                if list(dependency, "dep_kinds")?.iter().any(is_normal) {
                    package.edges.push(text(dependency, "pkg")?);
                }
            }
        }
        let members = list(metadata, "workspace_members")?;
        let members = members.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(Self { packages, members })
    }

    /// The workspace's own packages.
    pub(super) fn own(&self) -> impl Iterator<Item = (&String, &Package)> {
        self.members.iter().filter_map(|id| self.packages.get_key_value(id))
    }
}

impl Package {
    fn read(package: &Value) -> Result<Self> {
        let mut direct = BTreeSet::new();
        for dependency in list(package, "dependencies")? {
            // `kind` is null for [dependencies], "dev" and "build" for the others.
            if dependency.get("kind").is_some_and(Value::is_null) {
                direct.insert(text(dependency, "name")?);
            }
        }
        let optional = |field: &str| package.get(field).and_then(Value::as_str).map(str::to_owned);
        // Cargo writes `publish = false` as an empty list of registries.
        let closed = package.get("publish").and_then(Value::as_array).is_some_and(Vec::is_empty);
        Ok(Self {
            name: text(package, "name")?,
            version: text(package, "version")?,
            licence: optional("license"),
            description: optional("description"),
            publishable: !closed,
            direct,
            edges: Vec::new(),
        })
    }
}

/// What every manifest of the workspace must say.
pub(super) fn check(workspace: &Workspace) -> Vec<String> {
    let mut complaints = Vec::new();
    for (_, package) in workspace.own() {
        let name = &package.name;
        if package.description.as_deref().is_none_or(|text| text.trim().is_empty()) {
            complaints.push(format!("`{name}` has no description in its Cargo.toml"));
        }
        if package.licence.as_deref() != Some(super::licences::OWN) {
            complaints.push(format!(
                "`{name}` is not under {}: write `license.workspace = true` in its Cargo.toml",
                super::licences::OWN
            ));
        }
        if package.publishable {
            complaints.push(format!(
                "`{name}` could be published by accident: write `publish.workspace = true`"
            ));
        }
    }
    complaints
}

fn list<'a>(value: &'a Value, field: &str) -> Result<&'a Vec<Value>> {
    value.get(field).and_then(Value::as_array).with_context(|| format!("no list `{field}`"))
}

fn text(value: &Value, field: &str) -> Result<String> {
    let text = value.get(field).and_then(Value::as_str);
    text.map(str::to_owned).with_context(|| format!("no text `{field}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(package: Package) -> Vec<String> {
        let workspace = Workspace {
            packages: BTreeMap::from([("one".to_owned(), package)]),
            members: vec!["one".to_owned()],
        };
        check(&workspace)
    }

    #[test]
    fn a_bare_manifest_has_three_complaints() {
        let complaints =
            check_one(Package { name: "x".into(), publishable: true, ..Package::default() });
        assert_eq!(complaints.len(), 3, "{complaints:?}");
        assert_eq!(complaints[0], "`x` has no description in its Cargo.toml");
    }

    #[test]
    fn a_manifest_of_ours_has_none() {
        let package = Package {
            name: "x".into(),
            description: Some("What it is.".into()),
            licence: Some("MIT OR Apache-2.0".into()),
            ..Package::default()
        };
        assert!(check_one(package).is_empty());
    }
}
