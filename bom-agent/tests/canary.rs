//! Probes that fall silent behind our back are found out.

use std::{
    fs::{self, File},
    io,
    os::fd::RawFd,
    process::ExitCode,
    time::Instant,
};

use bom_agent::{
    cgroup::Session,
    host,
    launch::Signals,
    probes::Settings,
    session::{Engine, Setup},
};
use bom_core::{
    coverage::{Class, Gap},
    input::{Ended, Subject, SubjectKind},
};
use bom_testkit::trial::{self, Failed, Need, trial};

const OBSERVE: &[Need] = &[Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2];

/// include/uapi/linux/bpf.h
const BPF_MAP_DELETE_ELEM: libc::c_int = 3;
const BPF_OBJ_GET_INFO_BY_FD: libc::c_int = 15;
const BPF_LINK_DETACH: libc::c_int = 34;

fn main() -> ExitCode {
    trial::run(vec![
        trial("canary::hears_every_probe", OBSERVE, hears_every_probe),
        trial("canary::finds_silent_probes", OBSERVE, finds_silent_probes),
        trial("canary::finds_a_detached_link", OBSERVE, finds_a_detached_link),
    ])
}

fn hears_every_probe() -> Result<(), Failed> {
    let silent = silenced(|_, engine| {
        let begun = Instant::now();
        engine.check_probes()?;
        println!("a song takes {} us", begun.elapsed().as_micros());
        Ok(())
    })?;
    if silent.is_empty() { Ok(()) } else { Err(format!("silent: {silent:?}").into()) }
}

/// Somebody takes the canary's cgroup out of the table: its probes run, and tell nothing.
fn finds_silent_probes() -> Result<(), Failed> {
    let silent = silenced(|session, engine| {
        let canary = canary_of(session)?;
        let table = map("CGROUPS")?;
        let key = canary.to_ne_bytes();
        let attributes = [table as u64, key.as_ptr().expose_provenance() as u64, 0, 0];
        bpf(BPF_MAP_DELETE_ELEM, &attributes)?;
        engine.check_probes()?;
        Ok(())
    })?;
    let expected = ["sched_process_exec", "sys_exit_openat", "inet_sock_set_state", "cgroup_skb_egress"];
    for probe in expected {
        if !silent.iter().any(|gap| *gap == Gap::Silent(probe.to_owned())) {
            return Err(format!("{probe} is not among {silent:?}").into());
        }
    }
    Ok(())
}

fn finds_a_detached_link() -> Result<(), Failed> {
    let silent = silenced(|session, engine| {
        let cgroup = session.id();
        let ours = descriptors()?.into_iter().find(|&descriptor| {
            let info = fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}")).unwrap_or_default();
            info.contains("link_type:\tcgroup") && info.contains(&format!("cgroup_id:\t{cgroup}\n"))
        });
        let link = ours.ok_or("no link to the subject's cgroup")?;
        bpf(BPF_LINK_DETACH, &[link as u64, 0, 0, 0])?;
        engine.check_probes()?;
        Ok(())
    })?;
    let one = |gap: &Gap| matches!(gap, Gap::Silent(name) if name.starts_with("cgroup_skb_"));
    if silent.iter().any(one) { Ok(()) } else { Err(format!("{silent:?}").into()) }
}

/// The gaps of silence after something was done behind the engine's back.
fn silenced(act: impl FnOnce(&Session, &mut Engine) -> Result<(), Failed>) -> Result<Vec<Gap>, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let settings = Settings::default();
        let mut signals = Signals::catch()?;
        let mut engine =
            Engine::start(Setup { settings, catalog: None, recorder: None, version: "0.0.0".to_owned() })?;
        let session = Session::create("watched")?;
        engine.attach(&File::open(session.path())?);
        engine.probes().track_cgroup(session.id(), session.id())?;
        engine.subject(Subject {
            id: session.id(),
            name: "watched".to_owned(),
            before_first_instruction: true,
            kind: SubjectKind::Session,
            at_ns: host::boot_ns(),
        })?;
        engine.ready()?;
        act(&session, &mut engine)?;
        engine.conclude(&mut signals, std::time::Duration::from_secs(10)).await?;
        engine.ended(Ended {
            subject: session.id(),
            at_ns: host::boot_ns(),
            status: Some(0),
            survivors: [].into(),
            survivors_cut: false,
        })?;
        let epochs = engine.finish()?.inventory().epochs;
        let epoch = epochs.into_values().next().ok_or("no epoch")?;
        let subjects = epoch.subjects.len();
        if subjects != 1 {
            return Err(format!("{subjects} subjects: the canary is nobody's").into());
        }
        let cells = epoch.coverage.cells.into_iter();
        let gaps = cells.filter(|((_, class), _)| Class::ALL.contains(class)).flat_map(|(_, cell)| cell.gaps);
        Ok(gaps.filter(|gap| matches!(gap, Gap::Silent(_))).collect())
    })
}

/// The canary's cgroup is made beside the session's.
fn canary_of(session: &Session) -> Result<u64, Failed> {
    let parent = session.path().parent().ok_or("no parent")?;
    let own = format!("aibom-{}-", std::process::id());
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(&own) && name.ends_with("-canary") {
            return Ok(std::os::unix::fs::MetadataExt::ino(&entry.metadata()?));
        }
    }
    Err("no canary".into())
}

fn descriptors() -> io::Result<Vec<RawFd>> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        all.extend(entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok()));
    }
    Ok(all)
}

/// The descriptor of our map with this name (struct bpf_map_info: the name is at byte 24).
fn map(name: &str) -> Result<RawFd, Failed> {
    for descriptor in descriptors()? {
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}")).unwrap_or_default();
        if !info.contains("map_type:") {
            continue;
        }
        let mut bytes = [0_u8; 88];
        let place = bytes.as_mut_ptr().expose_provenance() as u64;
        // struct { u32 bpf_fd; u32 info_len; u64 info; }
        bpf(BPF_OBJ_GET_INFO_BY_FD, &[descriptor as u64 | (88 << 32), place, 0, 0])?;
        let stored: Vec<u8> = bytes[24..40].iter().copied().take_while(|byte| *byte != 0).collect();
        if stored == name.as_bytes() {
            return Ok(descriptor);
        }
    }
    Err(format!("no map {name}").into())
}

fn bpf(command: libc::c_int, attributes: &[u64; 4]) -> io::Result<()> {
    // SAFETY: the attributes are live, and what they point to is as large as the command needs.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, attributes.as_ptr(), size_of_val(attributes)) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
