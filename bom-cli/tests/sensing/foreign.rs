//! Programs that nobody here wrote, made to be hard on a kernel.

use std::{collections::BTreeMap, ffi::OsString};

use bom_testkit::trial::{Failed, Need, trial};
use libtest_mimic::Trial;

use crate::{
    run::{Observed, Scene, aibom, document},
    trials::{OBSERVE, OPENAT, PAGES, READ, RING, is_seen},
};

pub(crate) fn trials() -> Vec<Trial> {
    let with = |needs: &[Need], need| needs.iter().copied().chain([need]).collect::<Vec<_>>();
    vec![
        trial("foreign::fio_reads_by_io_uring", &with(RING, Need::Fio), fio),
        trial("foreign::stress_ng_hides_nothing", &with(OBSERVE, Need::StressNg), stress),
    ]
}

fn command(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// By submission, by a thread of the kernel that polls, and through registered files.
fn fio() -> Result<(), Failed> {
    for way in ["--name=plain", "--sqthread_poll=1", "--registerfiles=1"] {
        let scene = Scene::new(None)?;
        let file = format!("--filename={}", scene.model.display());
        let mut words = vec!["fio", "--readonly", "--rw=read", "--bs=4k", "--ioengine=io_uring", &file];
        words.extend(["--allow_file_create=0", "--invalidate=0", "--output=/dev/null", "--name=read"]);
        words.extend((!way.starts_with("--name")).then_some(way));
        let observed = document(aibom(command(&words), &[]))?;
        is_seen(way, &observed, &scene, READ, &[OPENAT, PAGES])?;
    }
    Ok(())
}

/// Opens by name and by handle, rings, descriptors handed over, processes and threads in masses, and one model among
/// them: it is there, and what the kernel side counted adds up.
fn stress() -> Result<(), Failed> {
    let scene = Scene::new(None)?;
    let folder = scene.join("work");
    std::fs::create_dir(&folder)?;
    let line = format!(
        "stress-ng --quiet --temp-path {} --open 1 --open-ops 3000 --io-uring 1 --io-uring-ops 200 --sockfd 1 \
         --sockfd-ops 200 --fork 1 --fork-ops 500 --exec 1 --exec-ops 30 --pthread 1 --pthread-ops 200 --handle 1 \
         --handle-ops 200 & \
         sed -n 1p {} > /dev/null; wait",
        folder.display(),
        scene.model.display()
    );
    let observed = document(aibom(command(&["/bin/sh", "-c", &line]), &[]))?;
    let counters = counters(&observed);
    let counter = |name: &str| counters.get(name).copied().unwrap_or_default();
    let fates = ["opens-delivered", "opens-deduplicated", "opens-lost", "opens-unresolved"].map(counter);
    if counter("opens-seen") < 3000 || counter("opens-seen") != fates.iter().sum::<u64>() {
        return Err(format!("{counters:?}").into());
    }
    match observed.model()? {
        Some(_) => is_seen("sed", &observed, &scene, READ, &[OPENAT]),
        None if counter("opens-lost") > 0 && observed.classes("lost:opens-lost").contains("models") => Ok(()),
        None => Err(format!("not seen, and nothing says so: {counters:?}").into()),
    }
}

fn counters(observed: &Observed) -> BTreeMap<&str, u64> {
    let properties = observed.0["metadata"]["properties"].as_array().into_iter().flatten();
    let counters = properties.filter_map(|property| {
        let name = property["name"].as_str()?.strip_prefix("aibom:obs:counter:")?;
        Some((name, property["value"].as_str()?.parse().ok()?))
    });
    counters.collect()
}
