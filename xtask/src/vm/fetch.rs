//! A kernel image out of a Debian package: downloaded once, checked against its digest, kept below `target/vm`.
//!
//! apt's own helper downloads; nothing of the system's package lists is touched. A package that is gone is looked for in
//! lists of our own, whose signatures apt checks, and the newest of the series is taken instead.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::kernels::Kernel;
use crate::process;
use crate::workspace::Workspace;

/// The image in either layout, as tar's patterns go: `*` takes slashes as well.
const IMAGES: &str = "*/vmlinuz*";
const HELPER: &str = "/usr/lib/apt/apt-helper";

/// A kernel that can be booted.
#[derive(Debug, Clone)]
pub(super) struct Image {
    pub(super) path: PathBuf,
    pub(super) package: String,
    pub(super) version: String,
    /// The version is not the one that is pinned.
    pub(super) replaced: bool,
}

/// Everything this module writes.
pub(super) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root().join("target/vm")
}

/// The image of a kernel, downloaded if it is not there yet.
pub(super) fn image(workspace: &Workspace, kernel: &Kernel) -> Result<Image> {
    let pinned = Image {
        path: place(workspace, kernel.package, kernel.version),
        package: kernel.package.to_owned(),
        version: kernel.version.to_owned(),
        replaced: false,
    };
    if pinned.path.exists() {
        return Ok(pinned);
    }
    if !Path::new(HELPER).exists() {
        bail!("there is no {HELPER} to download {} with", kernel.package);
    }
    let downloads = folder(workspace).join("downloads");
    fs::create_dir_all(&downloads).with_context(|| format!("failed to create {}", downloads.display()))?;
    let package = downloads.join(format!("{}.deb", kernel.package));
    let gone = match download(kernel.url, &package, kernel.sha256) {
        Ok(()) => return unpack(&package, pinned),
        Err(error) => error,
    };
    eprintln!("    {} {} is not to be had: {gone:#}", kernel.package, kernel.version);
    let newer =
        newest(workspace, kernel).context("the pinned version is gone, and no other one was found")?;
    eprintln!("    NOTE: taking {} {} instead of the pinned version", newer.name, newer.version);
    let image = Image {
        path: place(workspace, &newer.name, &newer.version),
        package: newer.name,
        version: newer.version,
        replaced: true,
    };
    if image.path.exists() {
        return Ok(image);
    }
    download(&newer.url, &package, &newer.sha256)?;
    unpack(&package, image)
}

fn place(workspace: &Workspace, package: &str, version: &str) -> PathBuf {
    folder(workspace).join("kernels").join(format!("{package}_{version}")).join("vmlinuz")
}

fn download(url: &str, to: &Path, sha256: &str) -> Result<()> {
    let mut helper = Command::new(HELPER);
    helper.args(["-o", "APT::Sandbox::User=root", "-qq", "download-file", url]).arg(to);
    process::capture(helper.arg(format!("SHA256:{sha256}")))?;
    // Once more, because a file that was there before is left as it is by some versions.
    let bytes = fs::read(to).with_context(|| format!("failed to read {}", to.display()))?;
    let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if found != sha256 {
        fs::remove_file(to).with_context(|| format!("failed to remove {}", to.display()))?;
        bail!("{url} has SHA-256 {found}, not {sha256}");
    }
    Ok(())
}

/// Takes the one file out of the package and nothing else: modules are hundreds of megabytes.
fn unpack(package: &Path, image: Image) -> Result<Image> {
    let folder = image.path.parent().context("an image has a folder")?;
    let all = folder.join("unpacked");
    fs::create_dir_all(&all).with_context(|| format!("failed to create {}", all.display()))?;
    let mut files = Command::new("dpkg-deb");
    let mut tar = Command::new("tar");
    // The folder before the pattern: it counts for what follows it.
    tar.args(["--extract", "--directory"]).arg(&all).args(["--wildcards", IMAGES]);
    process::pipe(files.arg("--fsys-tarfile").arg(package), &mut tar)?;
    let found = find_image(&all)?.with_context(|| format!("{} holds no vmlinuz", image.package))?;
    fs::rename(&found, &image.path).with_context(|| format!("failed to move {}", found.display()))?;
    fs::remove_dir_all(&all).with_context(|| format!("failed to remove {}", all.display()))?;
    fs::remove_file(package).with_context(|| format!("failed to remove {}", package.display()))?;
    Ok(image)
}

/// `boot/vmlinuz-*`, or `usr/lib/modules/*/vmlinuz` in newer packages.
fn find_image(root: &Path) -> Result<Option<PathBuf>> {
    let mut folders = vec![root.join("boot")];
    if let Ok(versions) = fs::read_dir(root.join("usr/lib/modules")) {
        for version in versions {
            folders.push(version.context("failed to list the package's modules")?.path());
        }
    }
    for folder in folders {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let entry = entry.with_context(|| format!("failed to list {}", folder.display()))?;
            if entry.file_name().to_string_lossy().starts_with("vmlinuz") {
                return Ok(Some(entry.path()));
            }
        }
    }
    Ok(None)
}

/// A package as an archive lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    name: String,
    version: String,
    url: String,
    sha256: String,
}

/// The newest package of the series in the suites of the kernel.
fn newest(workspace: &Workspace, kernel: &Kernel) -> Result<Listed> {
    let apt = Lists::update(workspace, kernel)?;
    let names = process::capture(apt.command("apt-cache").args(["pkgnames", kernel.names.0]))?;
    let mut best: Option<Listed> = None;
    for name in names.lines().filter(|name| name.ends_with(kernel.names.1)) {
        let text = process::capture(apt.command("apt-cache").args(["show", "--no-all-versions", name]))?;
        // Its address follows from the suite that has it, which only apt knows.
        let uris = process::capture(apt.command("apt-get").args(["download", "--print-uris", name]))?;
        let Some(found) = listed(&text, &uris) else { continue };
        if best.as_ref().is_none_or(|best| is_newer(&found.version, &best.version)) {
            best = Some(found);
        }
    }
    best.with_context(|| format!("no package {}…{} in its suites", kernel.names.0, kernel.names.1))
}

fn is_newer(one: &str, other: &str) -> bool {
    process::output(Command::new("dpkg").args(["--compare-versions", one, "gt", other]))
        .is_ok_and(|output| output.status.success())
}

/// Name, version and digest of a package's record, and its address of `'URL' FILE SIZE DIGEST`.
fn listed(record: &str, uris: &str) -> Option<Listed> {
    let field = |name: &str| {
        let value = record.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.map(|value| value.trim().to_owned())
    };
    let url = uris.lines().find_map(|line| line.strip_prefix('\'')?.split_once('\''))?.0.to_owned();
    Some(Listed { name: field("Package")?, version: field("Version")?, sha256: field("SHA256")?, url })
}

/// Package lists of our own.
#[derive(Debug)]
struct Lists {
    folder: PathBuf,
}

impl Lists {
    fn update(workspace: &Workspace, kernel: &Kernel) -> Result<Self> {
        let lists = Self { folder: folder(workspace).join("apt").join(kernel.series) };
        for part in ["lists/partial", "cache/archives/partial"] {
            let part = lists.folder.join(part);
            fs::create_dir_all(&part).with_context(|| format!("failed to create {}", part.display()))?;
        }
        let sources: String =
            kernel.suites.iter().map(|(archive, suite)| format!("deb {archive} {suite} main\n")).collect();
        let file = lists.folder.join("sources.list");
        fs::write(&file, sources).with_context(|| format!("failed to write {}", file.display()))?;
        process::run(lists.command("apt-get").arg("update"))?;
        Ok(lists)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let mut option = |name: &str, value: &Path| {
            command.arg("-o").arg(format!("{name}={}", value.display()));
        };
        option("Dir::Etc::sourcelist", &self.folder.join("sources.list"));
        option("Dir::Etc::sourceparts", Path::new("-"));
        option("Dir::State::Lists", &self.folder.join("lists"));
        option("Dir::Cache", &self.folder.join("cache"));
        command.args(["-o", "APT::Sandbox::User=root", "-qq"]).env("DEBIAN_FRONTEND", "noninteractive");
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_apt_says() {
        let record = "Package: linux-image-6.1.0-51\nVersion: 6.1.177-1\nDescription: a\n b\nSHA256: 0a1b\n";
        let uris = "'http://a/b_1%2b2_amd64.deb' b_1%2b2_amd64.deb 26 SHA256:0a1b\n";
        let expected = Listed {
            name: "linux-image-6.1.0-51".to_owned(),
            version: "6.1.177-1".to_owned(),
            url: "http://a/b_1%2b2_amd64.deb".to_owned(),
            sha256: "0a1b".to_owned(),
        };
        assert_eq!(listed(record, uris), Some(expected));
        assert_eq!(listed(record, ""), None, "no address");
        assert_eq!(listed("Package: a\nVersion: 1\n", uris), None, "no digest");
    }

    #[test]
    fn finds_the_image_in_both_layouts() {
        let root = std::env::temp_dir().join(format!("aibom-image-{}", std::process::id()));
        assert_eq!(find_image(&root).expect("nothing there"), None);
        for place in ["usr/lib/modules/7.2/vmlinuz", "boot/vmlinuz-6.1"] {
            let path = root.join(place);
            fs::create_dir_all(path.parent().expect("a parent")).expect("temporary folder");
            fs::write(&path, "").expect("temporary file");
            assert_eq!(find_image(&root).expect("readable"), Some(path));
        }
        fs::remove_dir_all(&root).expect("temporary folder can be removed");
    }
}
