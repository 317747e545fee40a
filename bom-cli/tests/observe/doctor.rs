//! `aibom doctor`: with every right, and with none.

use std::{os::unix::process::CommandExt as _, process::Command};

use bom_testkit::trial::{Failed, Need, trial};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::{OBSERVE, stage::PROGRAM};

const PAGE: &str = include_str!("../../../schemas/doctor.md");
const NOBODY: u32 = 65534;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("doctor::tries_every_probe", OBSERVE, tries_every_probe),
        trial("doctor::says_what_is_missing_without_any_right", &[Need::Root], without_any_right),
    ]
}

fn diagnosis(output: &[u8]) -> Result<Value, Failed> {
    let diagnosis: Value = serde_json::from_slice(output)?;
    for name in diagnosis.as_object().ok_or("an object")?.keys() {
        assert!(PAGE.contains(&format!("`{name}`")), "schemas/doctor.md lacks {name}");
    }
    Ok(diagnosis)
}

fn tries_every_probe() -> Result<(), Failed> {
    let ran = Command::new(PROGRAM).args(["doctor", "-o", "json=-"]).output()?;
    let diagnosis = diagnosis(&ran.stdout)?;
    assert!(matches!(ran.status.code(), Some(0 | 3)), "{}", String::from_utf8_lossy(&ran.stderr));
    let probes = diagnosis["probes"].as_array().ok_or("a list")?;
    let attached =
        |name: &str| probes.iter().any(|probe| probe["name"] == name && probe["status"] == "attached");
    for name in ["sched_process_exec", "sys_exit_openat", "iter_task_file", "cgroup_skb_egress"] {
        assert!(attached(name), "{name}: {probes:?}");
    }
    for class in ["endpoints", "libraries", "models", "packages", "programs"] {
        assert!(diagnosis["gaps"][class].is_array() && diagnosis["gaps_everywhere"][class].is_array());
    }
    let text = Command::new(PROGRAM).arg("doctor").output()?;
    let text = String::from_utf8(text.stdout)?;
    for words in ["iter_task_vma", "cgroup v2", "What will not be seen because of it"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    Ok(())
}

fn without_any_right() -> Result<(), Failed> {
    // A copy that nobody's user can reach.
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("aibom");
    std::fs::copy(PROGRAM, &program)?;
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    let ran = Command::new(&program).args(["doctor", "-o", "json=-"]).uid(NOBODY).gid(NOBODY).output()?;
    assert_eq!(ran.status.code(), Some(2), "{}", String::from_utf8_lossy(&ran.stderr));
    let diagnosis = diagnosis(&ran.stdout)?;
    assert_eq!(diagnosis["verdict"], "nothing");
    assert_eq!(diagnosis["probes"].as_array().map(Vec::len), Some(0));
    let advice = diagnosis["advice"].to_string();
    assert!(advice.contains("CAP_BPF") && diagnosis["failure"].is_string(), "{advice}");
    Ok(())
}
