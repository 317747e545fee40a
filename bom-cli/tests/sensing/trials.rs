//! The table: a way to a file, what has to be said of it, and what has to be declared.

use std::{
    fs::File,
    net::TcpListener,
    os::fd::{AsFd as _, AsRawFd as _},
    path::Path,
    process,
};

use bom_testkit::trial::{Failed, Need, trial};
use libtest_mimic::Trial;

use crate::{
    actor, elsewhere,
    run::{Observed, Scene, Seen, aibom, document, observe},
};

pub(crate) const OBSERVE: &[Need] = &[Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2];
pub(crate) const RING: &[Need] = &[Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2, Need::IoUring];

const CONTAINED: &[Need] = &[Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2, Need::Netns];

const OPENED: &str = "opened";
pub(crate) const READ: &str = "read-or-mapped";
const CODE: &str = "executed";
// `bom_common::record::probe`; the numbers stand in documents and never change.
pub(crate) const OPENAT: u16 = 5;
const MAP: u16 = 20;
pub(crate) const PAGES: u16 = 22;
const IOMAP: u16 = 25;
const MESSAGE: u16 = 26;
const GETFD: u16 = 27;

pub(crate) fn all() -> Vec<Trial> {
    vec![
        trial("sensing::what_was_done_is_the_strength", OBSERVE, what_was_done_is_the_strength),
        trial("sensing::memory_file_systems", OBSERVE, memory_file_systems),
        trial("sensing::layer_of_an_overlay", CONTAINED, layer_of_an_overlay),
        trial("sensing::old_system_call", OBSERVE, old_system_call),
        trial("sensing::inherited_descriptor", OBSERVE, inherited_descriptor),
        trial("sensing::received_descriptor", OBSERVE, received_descriptor),
        trial("sensing::received_socket", OBSERVE, received_socket),
        trial("sensing::taken_descriptor", OBSERVE, taken_descriptor),
        trial("sensing::ring_without_completion", RING, ring_without_completion),
        trial("sensing::written_after_open", OBSERVE, written_after_open),
        trial("sensing::code_in_memory", OBSERVE, code_in_memory),
        trial("sensing::without_the_probes_it_is_declared", RING, without_the_probes_it_is_declared),
    ]
}

/// The model is there, at its place, with this strength, and seen by these probes among others.
pub(crate) fn is_seen(
    name: &str,
    observed: &Observed,
    scene: &Scene,
    strength: &str,
    by: &[u16],
) -> Result<(), Failed> {
    let Some(seen) = observed.model()? else { return Err(format!("{name}: not seen").into()) };
    let place = scene.model.to_string_lossy().into_owned();
    let Seen { places, strength: found, probes } = &seen;
    if places.iter().collect::<Vec<_>>() != [&place] || found != strength {
        return Err(format!("{name}: {seen:?}, not at {place} with {strength}").into());
    }
    match by.iter().find(|number| !probes.contains(number)) {
        Some(number) => Err(format!("{name}: {seen:?}, not by {number}").into()),
        None => Ok(()),
    }
}

fn what_was_done_is_the_strength() -> Result<(), Failed> {
    for (way, strength, by) in [
        ("open", OPENED, &[OPENAT][..]),
        ("read", READ, &[OPENAT, PAGES]),
        ("send", READ, &[OPENAT, PAGES]),
        ("map", READ, &[OPENAT, MAP]),
        ("map-as-code", CODE, &[OPENAT, MAP]),
    ] {
        let scene = Scene::new(None)?;
        let observed = observe(actor::command(way, &scene.model, "")?, &[], None)?;
        is_seen(way, &observed, &scene, strength, by)?;
        let seen = observed.model()?.ok_or("seen before")?;
        if way == "open" && seen.probes != [OPENAT].into() {
            return Err(format!("{way}: {seen:?}").into());
        }
    }
    // The page cache is not asked, neither by a mapping nor past it.
    let without = ["--without-probe", "sys_exit_mmap"];
    let scene = Scene::new(None)?;
    let observed = observe(actor::command("map-and-look", &scene.model, "")?, &without, None)?;
    is_seen("map-and-look", &observed, &scene, READ, &[OPENAT])?;
    let scene = Scene::new(Some(Path::new(env!("CARGO_TARGET_TMPDIR"))))?;
    match observe(actor::command("direct", &scene.model, "")?, &[], None) {
        Ok(observed) => is_seen("direct", &observed, &scene, READ, &[OPENAT, IOMAP]),
        // The file system of the build folder may not know O_DIRECT.
        Err(error) if format!("{error:?}").contains("os error 22") => Ok(()),
        Err(error) => Err(error),
    }
}

/// Their reads pass no hook; their mappings do.
fn memory_file_systems() -> Result<(), Failed> {
    let memory = Some(Path::new("/dev/shm"));
    for (way, strength, by) in [("read", OPENED, OPENAT), ("map", READ, MAP)] {
        let scene = Scene::new(memory)?;
        let observed = observe(actor::command(way, &scene.model, "")?, &[], None)?;
        is_seen(way, &observed, &scene, strength, &[by])?;
    }
    Ok(())
}

/// The page cache has the file of the layer; it is the one that was opened, and nothing is said of another.
fn layer_of_an_overlay() -> Result<(), Failed> {
    let (scene, place) = (Scene::new(None)?, Scene::new(None)?);
    let merged = place.join("merged/weights");
    let mut command = aibom(actor::command("read", &merged, "")?, &[]);
    let lower = scene.model.parent().ok_or("no folder")?;
    elsewhere::overlaid(&mut command, lower, &place.join(""))?;
    let observed = document(command)?;
    let Some(seen) = observed.model()? else { return Err("not seen".into()) };
    let merged = place.join("merged/weights").to_string_lossy().into_owned();
    let expected =
        Seen { places: [merged].into(), strength: READ.to_owned(), probes: [OPENAT, PAGES].into() };
    if seen == expected { Ok(()) } else { Err(format!("{seen:?}").into()) }
}

/// No exit event shows it; the reading does, and the file is found by its inode.
fn old_system_call() -> Result<(), Failed> {
    let scene = Scene::new(None)?;
    let observed = observe(actor::command("old-system-call", &scene.model, "")?, &[], None)?;
    is_seen("old-system-call", &observed, &scene, READ, &[PAGES])?;
    // A file in memory could have been opened the same way, and would not have been seen.
    let declared = observed.classes("suspected:memory-file");
    if declared == ["models", "packages"].into() {
        Ok(())
    } else {
        Err(format!("suspected in {declared:?}").into())
    }
}

fn inherited_descriptor() -> Result<(), Failed> {
    let scene = Scene::new(None)?;
    let input = File::open(&scene.model)?;
    let command = actor::command("read-standard-input", Path::new("/"), "")?;
    is_seen("inherited", &observe(command, &[], Some(input))?, &scene, READ, &[PAGES])
}

fn received_descriptor() -> Result<(), Failed> {
    // Whoever looks for its reading alone would find it too: so once in memory, where that is not seen.
    for (below, strength, by) in
        [(None, READ, &[MESSAGE, PAGES][..]), (Some(Path::new("/dev/shm")), OPENED, &[MESSAGE])]
    {
        let scene = Scene::new(below)?;
        let address = scene.join("socket");
        let file = File::open(&scene.model)?;
        let other = elsewhere::hand_over(&address, file.as_fd())?;
        let observed =
            observe(actor::command("receive", Path::new("/"), &address.to_string_lossy())?, &[], None)?;
        other.join().map_err(|_| "the other end panicked")??;
        is_seen("received", &observed, &scene, strength, by)?;
    }
    Ok(())
}

fn received_socket() -> Result<(), Failed> {
    let scene = Scene::new(None)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    for (what, descriptor, expected) in [
        ("a file", File::open(&scene.model)?.into(), [].into()),
        ("a socket", std::os::fd::OwnedFd::from(listener), ["endpoints"].into()),
    ] {
        let address = scene.join(what);
        let other = elsewhere::hand_over(&address, descriptor.as_fd())?;
        let command = actor::command("receive-socket", Path::new("/"), &address.to_string_lossy())?;
        let observed = observe(command, &[], None)?;
        other.join().map_err(|_| "the other end panicked")??;
        let declared = observed.classes("suspected:socket-passing");
        if declared != expected {
            return Err(format!("{what}: suspected in {declared:?}").into());
        }
    }
    Ok(())
}

fn taken_descriptor() -> Result<(), Failed> {
    let scene = Scene::new(None)?;
    let file = File::open(&scene.model)?;
    let from = format!("{}:{}", process::id(), file.as_raw_fd());
    let observed = observe(actor::command("take", Path::new("/"), &from)?, &[], None)?;
    is_seen("taken", &observed, &scene, READ, &[GETFD, PAGES])
}

/// Opened into a slot and without a completion, by the process and by a thread of the kernel's for it.
fn ring_without_completion() -> Result<(), Failed> {
    for way in ["ring", "ring-thread"] {
        let scene = Scene::new(None)?;
        let observed = observe(actor::command(way, &scene.model, "")?, &[], None)?;
        is_seen(way, &observed, &scene, READ, &[PAGES])?;
        let declared = observed.classes("suspected:memory-file");
        if declared != ["models", "packages"].into() {
            return Err(format!("{way}: suspected in {declared:?}").into());
        }
    }
    Ok(())
}

fn written_after_open() -> Result<(), Failed> {
    for (way, expected) in
        [("read", [].into()), ("read-and-write", ["libraries", "models", "packages"].into())]
    {
        let scene = Scene::new(None)?;
        let observed = observe(actor::command(way, &scene.model, "")?, &[], None)?;
        let declared = observed.classes("suspected:written-after-open");
        // What was written before anybody looked at the file is said in another way.
        let unreadable = observed.classes("unreadable-files");
        if declared != expected && (way == "read" || unreadable != expected) {
            return Err(format!("{way}: suspected in {declared:?}, unreadable in {unreadable:?}").into());
        }
    }
    Ok(())
}

fn code_in_memory() -> Result<(), Failed> {
    for (way, expected) in [
        ("open", [].into()),
        ("code-in-memory", ["libraries", "packages"].into()),
        ("code-later", ["libraries", "packages"].into()),
    ] {
        let scene = Scene::new(None)?;
        let observed = observe(actor::command(way, &scene.model, "")?, &[], None)?;
        let declared = observed.classes("suspected:anonymous-executable-memory");
        if declared != expected {
            return Err(format!("{way}: suspected in {declared:?}").into());
        }
    }
    Ok(())
}

/// What sees it is switched off: then nothing is said of the file, and it is said that something can be missing.
fn without_the_probes_it_is_declared() -> Result<(), Failed> {
    let probes = ["mm_filemap_get_pages", "mm_filemap_map_pages", "mm_filemap_fault", "iomap_iter"];
    let without: Vec<&str> = probes.into_iter().flat_map(|probe| ["--without-probe", probe]).collect();
    let files = ["libraries", "models", "packages"];
    for (way, gap) in
        [("old-system-call", "suspected:compat-system-call"), ("ring", "suspected:io-uring-silent-open")]
    {
        let scene = Scene::new(None)?;
        let observed = observe(actor::command(way, &scene.model, "")?, &without, None)?;
        if let Some(seen) = observed.model()? {
            return Err(format!("{way}: {seen:?}").into());
        }
        let declared = observed.classes(gap);
        if declared != files.into() {
            return Err(format!("{way}: {gap} in {declared:?}").into());
        }
    }
    Ok(())
}
