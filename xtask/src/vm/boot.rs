//! One boot: QEMU without acceleration, bounded in time, everything it says on the serial console kept in a file.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::processor::Processor;

/// Many times what a boot takes on an idle machine.
const TIME: Duration = Duration::from_secs(600);

/// Boots and gives back what the machine said, line by line.
pub(super) fn boot(
    processor: Processor,
    kernel: &Path,
    initramfs: &Path,
    log: &Path,
    parameters: &str,
) -> Result<Vec<String>> {
    let qemu = processor.qemu();
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    }
    let mut kept = File::create(log).with_context(|| format!("failed to create {}", log.display()))?;
    let mut child = command(processor, kernel, initramfs, parameters)
        .spawn()
        .with_context(|| format!("failed to start {qemu}"))?;
    let serial = child.stdout.take().context("a piped stdout is there")?;
    let (send, receive) = mpsc::channel();
    let reader = thread::spawn(move || {
        for line in BufReader::new(serial).split(b'\n') {
            let Ok(line) = line else { return };
            if send.send(line).is_err() {
                return;
            }
        }
    });
    let deadline = Instant::now() + TIME;
    let mut lines = Vec::new();
    let late = loop {
        match receive.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                kept.write_all(&line)
                    .and_then(|()| kept.write_all(b"\n"))
                    .context("failed to keep the console")?;
                lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            Err(RecvTimeoutError::Disconnected) => break false,
            Err(RecvTimeoutError::Timeout) => break true,
        }
    };
    if late {
        child.kill().context("failed to end qemu")?;
    }
    let status = child.wait().context("failed to wait for qemu")?;
    let _ = reader.join();
    if late {
        bail!("the machine did not end within {} s; its console: {}", TIME.as_secs(), log.display());
    }
    if !status.success() {
        bail!("{qemu} ended with {status}; the machine's console: {}", log.display());
    }
    Ok(lines)
}

/// Software emulation, so that every machine runs the same.
fn command(processor: Processor, kernel: &Path, initramfs: &Path, parameters: &str) -> Command {
    let mut command = Command::new(processor.qemu());
    let console = processor.console();
    command
        .args(["-accel", "tcg"])
        .args(processor.machine())
        .args(["-smp", "2", "-m", "1024"])
        .args(["-nographic", "-no-reboot", "-nic", "none", "-kernel"])
        .arg(kernel)
        .arg("-initrd")
        .arg(initramfs)
        .arg("-append")
        .arg(format!("console={console} panic=-1 quiet lsm=lockdown,capability,bpf {parameters}"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // It says which features of the CPU are not emulated, for each of them, twice.
        .stderr(Stdio::null());
    command
}

/// Where the console of a boot is kept.
pub(super) fn log(folder: &Path, series: &str) -> PathBuf {
    folder.join("console").join(format!("{series}.log"))
}
