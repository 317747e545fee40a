//! Trials of the session's cgroup.

use std::{
    env,
    ffi::CString,
    fs,
    os::unix::ffi::OsStrExt,
    time::{Duration, Instant},
};

use bom_agent::{
    cgroup::{Members, Removal, Session},
    host::Host,
    launch::{Child, Command, RunAs, spawn},
};
use libtest_mimic::Failed;

/// No trial waits longer.
const DEADLINE: Duration = Duration::from_secs(10);

/// The number that the kernel puts into file handles of cgroups.
pub(crate) fn id_is_the_kernels() -> Result<(), Failed> {
    let session = Session::create("id")?;
    let path = CString::new(session.path().as_os_str().as_bytes())?;
    // struct file_handle with room for eight bytes: length, type, id.
    let mut handle = [8_u32, 0, 0, 0];
    let mut mount = 0_i32;
    // SAFETY: a path that ends with a zero byte, and live buffers of the size that the handle says.
    let result = unsafe {
        libc::syscall(
            libc::SYS_name_to_handle_at,
            libc::AT_FDCWD,
            path.as_ptr(),
            handle.as_mut_ptr(),
            &raw mut mount,
            0,
        )
    };
    expect(result == 0, &std::io::Error::last_os_error().to_string())?;
    let id = u64::from(handle[2]) | (u64::from(handle[3]) << 32);
    expect(id == session.id(), &format!("{id} is not {}", session.id()))
}

pub(crate) fn sees_survivors() -> Result<(), Failed> {
    let mut session = Session::create("survivors")?;
    expect(!session.is_populated()?, "populated before anybody joined")?;
    // Two generations away, in a session of its own, reparented.
    let mut child = shell(&session, "setsid sh -c 'sleep 1000 >/dev/null 2>&1 </dev/null &' & wait")?;
    expect(child.pidfd().is_some(), "no pidfd")?;
    let first = child.id();
    expect(child.wait()?.success(), "the command")?;
    let members = session.members();
    expect(
        members.complete && members.pids.len() == 1 && !members.pids.contains(&first),
        &format!("{members:?}"),
    )?;
    let running = Host::this().running(&members);
    expect(running.len() == 1 && running.iter().all(|key| key.start_ns > 0), &format!("{running:?}"))?;
    expect(session.is_populated()? && !session.wait_empty(Duration::from_millis(1))?, "not populated")?;
    let left = Removal::Left { path: session.path().to_owned(), members: members.clone() };
    expect(session.remove()? == left, "removed with a survivor in it")?;
    end(&session, &members)?;
    expect(session.remove()? == Removal::Removed && !session.path().exists(), "not removed")?;
    expect(session.remove()? == Removal::Removed && !session.is_populated()?, "after the end")
}

pub(crate) fn sees_nested_cgroups() -> Result<(), Failed> {
    let mut session = Session::create("nested")?;
    let nested = session.path().join("a/b");
    let script = format!(
        "mkdir -p '{0}' && echo 0 > '{0}/cgroup.procs' && exec sleep 1000 >/dev/null 2>&1 </dev/null",
        nested.display()
    );
    let mut child = shell(&session, &script)?;
    let entered = || fs::read_to_string(nested.join("cgroup.procs")).is_ok_and(|procs| !procs.is_empty());
    wait_until(entered)?;
    let members = session.members();
    expect(members == Members { pids: [child.id()].into(), complete: true }, &format!("{members:?}"))?;
    expect(session.is_populated()?, "not populated")?;
    expect(matches!(session.remove()?, Removal::Left { .. }), "removed with a nested member")?;
    expect(child.try_wait()?.is_none() && child.signal(libc::SIGKILL)?, "the command ended")?;
    let status = child.wait()?;
    expect(bom_agent::launch::exit_code(status) == 137 && !child.signal(libc::SIGKILL)?, "the status")?;
    expect(session.wait_empty(DEADLINE)?, "still populated")?;
    expect(session.remove()? == Removal::Removed && !nested.exists(), "not removed")
}

pub(crate) fn tells_the_runtime() -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let session = Session::create("runtime")?;
        let mut child = shell(&session, "exec sleep 1000 >/dev/null 2>&1 </dev/null")?;
        let end = async {
            // The wait for the cgroup is under way when this runs.
            child.signal(libc::SIGKILL)?;
            child.exited().await
        };
        let both = async { tokio::join!(biased; session.emptied(), end) };
        let (emptied, status) = tokio::time::timeout(DEADLINE, both).await?;
        emptied?;
        expect(bom_agent::launch::exit_code(status?) == 137, "the status")
    })
}

pub(crate) fn drop_removes_it() -> Result<(), Failed> {
    let session = Session::create("drop")?;
    let path = session.path().to_owned();
    expect(path.exists(), "not there")?;
    drop(session);
    expect(!path.exists(), "left behind")
}

fn shell(session: &Session, script: &str) -> Result<Child, Failed> {
    // Whoever runs the tests under sudo: these commands are root's.
    let user = RunAs::User("0".to_owned());
    let command =
        Command { program: "sh".into(), args: vec!["-c".into(), script.into()], user, limits: None };
    expect(env::var_os("PATH").is_some(), "no PATH")?;
    Ok(spawn(&command, session)?)
}

fn end(session: &Session, members: &Members) -> Result<(), Failed> {
    for pid in &members.pids {
        // SAFETY: a process of this trial.
        expect(unsafe { libc::kill(i32::try_from(*pid)?, libc::SIGKILL) } == 0, "kill")?;
    }
    expect(session.wait_empty(DEADLINE)?, "still populated")
}

fn wait_until(condition: impl Fn() -> bool) -> Result<(), Failed> {
    let start = Instant::now();
    while !condition() {
        expect(start.elapsed() < DEADLINE, "the deadline passed")?;
        std::thread::yield_now();
    }
    Ok(())
}

fn expect(condition: bool, seen: &str) -> Result<(), Failed> {
    if condition { Ok(()) } else { Err(seen.into()) }
}
