//! Without privilege, and as whom the command runs with it.

use std::{fs, process::Command};

use bom_testkit::trial::{Failed, trial};
use libtest_mimic::Trial;

use crate::{
    OBSERVE,
    aibom::{PROGRAM, Ran, Scratch, aibom, cgroups, run},
    document::Document,
};

const NOBODY: u32 = 65534;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("privilege::missing_is_one_line_and_125", OBSERVE, missing_is_one_line_and_125),
        trial("privilege::under_sudo_the_caller_runs_it", OBSERVE, under_sudo_the_caller_runs_it),
        trial("privilege::tracefs_may_be_mounted_already", OBSERVE, tracefs_may_be_mounted_already),
        trial("privilege::user_overrides_sudo", OBSERVE, user_overrides_sudo),
        trial("privilege::a_user_that_is_none_is_refused", OBSERVE, a_user_that_is_none_is_refused),
    ]
}

/// On most machines it is; the probes of the open family are found through it.
fn tracefs_may_be_mounted_already() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let bom = scratch.join("bom.json");
    let mut command = Command::new("unshare");
    let script = "mount -t tracefs tracefs /sys/kernel/tracing && exec \"$@\"";
    command.args(["--mount", "sh", "-c", script, "sh", PROGRAM, "run", "-o"]).arg(&bom).args(["--", "true"]);
    let ran = run(command);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let document = Document::open(&bom);
    for probe in ["sys_exit_open", "sys_exit_openat", "sys_exit_openat2"] {
        assert_eq!(document.probe(probe), Some("attached"), "{probe}");
    }
    Ok(())
}

fn missing_is_one_line_and_125() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let program = scratch.join("aibom");
    fs::copy(PROGRAM, &program)?;
    let (bom, recording) = (scratch.join("bom.json"), scratch.join("recording"));
    let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    // No capabilities, and none that could come back with the next execve(2).
    let powerless = ["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"];
    for wrapper in [&nobody[..], &powerless[..]] {
        for record in [false, true] {
            let mut command = Command::new("setpriv");
            command.args(wrapper).arg(&program).arg(if record { "record" } else { "run" });
            if record {
                command.arg("--to").arg(&recording);
            }
            command.arg("-o").arg(&bom).args(["--", "touch"]).arg(scratch.join("touched"));
            let ran = run(command);
            assert_eq!((ran.code, ran.stdout.len()), (125, 0), "{wrapper:?}: {}", ran.stderr);
            let lines: Vec<&str> = ran.stderr.lines().collect();
            let [line] = lines[..] else { panic!("{wrapper:?}, record {record}: {lines:?}") };
            for word in ["aibom: missing: ", "CAP_SYS_ADMIN", "CAP_BPF", "sudo aibom run", "--cap-add"] {
                assert!(line.contains(word), "{word:?} is not in {line}");
            }
            assert!(cgroups(ran.pid).is_empty());
            assert_eq!(scratch.names(), ["aibom"], "no file is left, and the command did not run");
        }
    }
    Ok(())
}

/// Who ran the command, what it was able to do and which descriptors it had.
fn who(arguments: &[&str], sudo: Option<(&str, &str)>) -> Ran {
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new("sh");
    // Our own descriptor 9 is what a careless caller leaves open.
    command.args(["-c", "exec 9</etc/passwd; exec \"$@\"", "sh"]);
    command.arg("env");
    if let Some((user, group)) = sudo {
        command.args([format!("SUDO_UID={user}"), format!("SUDO_GID={group}")]);
    }
    command.arg(PROGRAM).args(["run", "-q"]).args(arguments);
    // Asked for one by one: a list of the folder would itself be an open descriptor.
    let script = "id -u; id -g; id -G; grep -E '^Cap(Inh|Prm|Eff|Amb)' /proc/self/status | tr '\\n' ' '; echo; \
                  for fd in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do if [ -e /proc/$$/fd/$fd ]; then echo \"fd $fd\"; fi; done; echo \"home $HOME\"";
    command.args(["--", "sh", "-c", script]);
    command.process_group(0);
    run(command)
}

fn under_sudo_the_caller_runs_it() -> Result<(), Failed> {
    let ran = who(&[], Some(("65534", "65534")));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let text = String::from_utf8(ran.stdout)?;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..3], ["65534", "65534", "65534"], "{text}");
    let zero = "0000000000000000";
    let expected = format!("CapInh:\t{zero} CapPrm:\t{zero} CapEff:\t{zero} CapAmb:\t{zero} ");
    assert_eq!(lines[3], expected, "{text}");
    let descriptors: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("fd ")).collect();
    assert_eq!(descriptors, ["0", "1", "2"], "{text}");
    assert!(!text.contains("home /root"), "{text}");
    Ok(())
}

fn user_overrides_sudo() -> Result<(), Failed> {
    for (user, expected) in
        [("0", ["0", "0"]), ("4242:4343", ["4242", "4343"]), ("65534", ["65534", "65534"])]
    {
        let ran = who(&["--user", user], Some(("1", "1")));
        assert_eq!(ran.code, 0, "{user}: {}", ran.stderr);
        let text = String::from_utf8(ran.stdout)?;
        assert_eq!(text.lines().take(2).collect::<Vec<_>>(), expected, "{user}: {text}");
    }
    // Without sudo nothing changes.
    let ran = who(&[], None);
    assert!(ran.stdout.starts_with(b"0\n0\n"), "{}", String::from_utf8_lossy(&ran.stdout));
    Ok(())
}

fn a_user_that_is_none_is_refused() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let touched = scratch.join("touched");
    for user in ["no-such-user-here", "4294967295", "1:2:3", "", &NOBODY.to_string().repeat(4)] {
        let ran = aibom(["run", "-q", "--user", user, "--", "touch", touched.to_str().expect("text")]);
        assert_eq!(ran.code, 125, "{user:?}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{user:?}: {}", ran.stderr);
        assert!(!touched.exists(), "{user:?}");
    }
    // What sudo says is not believed blindly either.
    let ran = who(&[], Some(("root; rm", "0")));
    assert_eq!((ran.code, ran.stdout.len()), (125, 0), "{}", ran.stderr);
    Ok(())
}
