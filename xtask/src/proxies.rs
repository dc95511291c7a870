//! Debian's packages, unpacked below `target/compat` where a program is not on the PATH: HAProxy, nginx and slowhttptest,
//! and etcd 3.4.
//!
//! Why not installed: installing them starts two servers on the machine and needs root. Unpacking needs neither;
//! what of their libraries the machine lacks is unpacked beside them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::shell::{Cmd, say};

/// Where the test kit looks for them too.
const UNPACKED: &str = "target/compat/proxies";
const NAMES: [&str; 3] = ["haproxy", "nginx", "slowhttptest"];
/// Where the etcd suite looks for Debian's etcd.
const UNPACKED_ETCD: &str = "target/compat/etcd/debian";

pub(crate) fn prepare(root: &Path) -> Result<()> {
    let missing: Vec<&str> = NAMES.into_iter().filter(|name| !is_there(root, name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    say(&format!("compat: unpacking {}", missing.join(", ")));
    unpack(root, UNPACKED, &missing)?;
    match missing.iter().find(|name| !is_there(root, name)) {
        None => Ok(()),
        Some(name) => Err(get(name)),
    }
}

/// Debian's etcd with the v2 keys, server and client. Another `etcd` on the PATH may be too new for v2, so only Debian's
/// own place counts.
pub(crate) fn prepare_etcd(root: &Path) -> Result<()> {
    let is_there = |name: &str| {
        let unpacked = root.join(UNPACKED_ETCD).join("usr/bin");
        [unpacked, PathBuf::from("/usr/bin")]
            .iter()
            .any(|folder| folder.join(name).is_file())
    };
    let packages = [("etcd", "etcd-server"), ("etcdctl", "etcd-client")];
    let missing = packages.iter().filter(|(program, _)| !is_there(program));
    let missing: Vec<&str> = missing.map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    say(&format!("compat: unpacking {}", missing.join(", ")));
    unpack(root, UNPACKED_ETCD, &missing)?;
    match packages.iter().find(|(program, _)| !is_there(program)) {
        None => Ok(()),
        Some((_, package)) => Err(get(package)),
    }
}

fn is_there(root: &Path, name: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .chain(["usr/sbin", "usr/bin"].map(|folder| root.join(UNPACKED).join(folder)))
        .any(|folder| folder.join(name).is_file())
}

fn unpack(root: &Path, to: &str, names: &[&str]) -> Result<()> {
    let folder = root.join(to);
    let packages = folder.join("packages");
    let partial = packages.join("partial");
    fs::create_dir_all(&partial).map_err(|error| io(&partial, &error))?;
    // Resolves the libraries that this machine lacks as an installation would, and stops after the download.
    let archives = format!("Dir::Cache::archives={}", packages.display());
    let download = ["--download-only", "--yes", "--no-install-recommends", "--quiet"];
    let options = ["-o", "Debug::NoLocking=1", "-o", &archives];
    let arguments = [&["install"], &download[..], &options[..], names].concat();
    let apt = |arguments: &[&str]| {
        Cmd::new(root, "apt-get", arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .run()
    };
    // A fresh image has no package lists, and old ones name packages that are gone; only root may fetch them.
    if apt(&arguments).is_err() && (apt(&["update", "--quiet"]).is_err() || apt(&arguments).is_err()) {
        return Err(get(&names.join(" ")));
    }
    for package in files(&packages)? {
        let arguments = ["-x", &package.to_string_lossy(), &folder.to_string_lossy()];
        Cmd::new(root, "dpkg-deb", &arguments).run()?;
    }
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|error| io(folder, &error))?;
    let paths = entries.flatten().map(|entry| entry.path());
    Ok(paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "deb"))
        .collect())
}

fn get(names: &str) -> Error {
    Error::Missing {
        what: names.to_owned(),
        get: format!(
            "apt-get install {names} (or apt-get update, when Debian's package lists are missing or old)"
        ),
    }
}

fn io(path: &Path, error: &std::io::Error) -> Error {
    Error::failed(format!("{}: {error}", path.display()))
}
