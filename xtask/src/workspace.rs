//! The workspace as cargo sees it: its members, where they lie and what they depend on.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::json::Json;
use crate::shell::Cmd;

/// Why a crate depends on another. Build scripts count as `Normal`: they ship as much as the code does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DepKind {
    Normal,
    Dev,
}

#[derive(Debug, Clone)]
pub(crate) struct Dep {
    pub(crate) name: String,
    pub(crate) kind: DepKind,
    /// The folder of a crate of this repository, relative to its root; `None` for a crate from elsewhere.
    pub(crate) folder: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Relative to the root, with `/`: `crates/core/registry`.
    pub(crate) folder: String,
    pub(crate) deps: Vec<Dep>,
    /// The opening files of its targets, relative to the root.
    pub(crate) sources: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Where cargo builds: `target/` unless the user moved it.
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

impl Workspace {
    /// The workspace this program was built from.
    pub(crate) fn load() -> Result<Self> {
        Self::load_at(&root()?)
    }

    pub(crate) fn load_at(root: &Path) -> Result<Self> {
        let text = Cmd::cargo(
            root,
            &["metadata", "--format-version", "1", "--no-deps", "--offline"],
        )
        .read()?;
        Self::from_metadata(&Json::parse(&text)?)
    }

    fn from_metadata(metadata: &Json) -> Result<Self> {
        let path = |key: &str| {
            let value = metadata.get(key).text().map(PathBuf::from);
            value.ok_or_else(|| Error::failed(format!("cargo metadata has no `{key}`")))
        };
        let root = path("workspace_root")?;
        let packages = metadata
            .get("packages")
            .list()
            .iter()
            .filter_map(|p| package(&root, p))
            .collect();
        Ok(Self {
            target: path("target_directory")?,
            root,
            packages,
        })
    }

    /// The released binary that compatibility suites and benchmarks drive.
    pub(crate) fn release_binary(&self) -> PathBuf {
        self.target
            .join("release")
            .join(format!("koinon{}", std::env::consts::EXE_SUFFIX))
    }

    /// The members under `compat/`: they drive the released binary and run after everything else.
    pub(crate) fn compat_packages(&self) -> impl Iterator<Item = &str> {
        self.packages
            .iter()
            .filter(|p| p.folder.starts_with("compat/"))
            .map(|p| p.name.as_str())
    }
}

/// The folder above this crate's own, as cargo tells it at run time; a moved checkout keeps working.
fn root() -> Result<PathBuf> {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let own = own.ok_or_else(|| Error::failed("CARGO_MANIFEST_DIR is not set: run this as `cargo xtask`"))?;
    own.parent()
        .map(Path::to_owned)
        .ok_or_else(|| Error::failed("xtask lies at the root of the file system"))
}

fn package(root: &Path, json: &Json) -> Option<Package> {
    let manifest = Path::new(json.get("manifest_path").text()?);
    Some(Package {
        name: json.get("name").text()?.to_owned(),
        folder: relative(root, manifest.parent()?),
        deps: json
            .get("dependencies")
            .list()
            .iter()
            .filter_map(|d| dep(root, d))
            .collect(),
        sources: json
            .get("targets")
            .list()
            .iter()
            .filter_map(|t| source(root, t))
            .collect(),
    })
}

fn dep(root: &Path, json: &Json) -> Option<Dep> {
    let kind = if json.get("kind").text() == Some("dev") {
        DepKind::Dev
    } else {
        DepKind::Normal
    };
    let folder = json
        .get("path")
        .text()
        .map(|path| relative(root, Path::new(path)));
    Some(Dep {
        name: json.get("name").text()?.to_owned(),
        kind,
        folder,
    })
}

fn source(root: &Path, target: &Json) -> Option<String> {
    target
        .get("src_path")
        .text()
        .map(|path| relative(root, Path::new(path)))
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .to_string_lossy()
        .replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: the arrows are checked on the real members with their real folders.
    #[test]
    fn the_real_workspace_is_read() {
        let workspace = Workspace::load().unwrap();
        let core = workspace
            .packages
            .iter()
            .find(|p| p.name == "koinon-core-registry")
            .unwrap();
        assert_eq!(core.folder, "crates/core/registry");
        assert!(
            core.sources
                .contains(&"crates/core/registry/src/lib.rs".to_owned()),
            "{:?}",
            core.sources
        );
        let base = core.deps.iter().find(|d| d.name == "koinon-base").unwrap();
        assert_eq!(
            (base.kind, base.folder.as_deref()),
            (DepKind::Normal, Some("crates/base"))
        );
        assert!(
            core.deps.iter().any(|d| d.folder.is_none()),
            "a crate from elsewhere has no folder"
        );
        assert!(
            workspace
                .compat_packages()
                .any(|name| name == "koinon-compat-eureka")
        );
    }
}
