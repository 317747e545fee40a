//! Where the documents go, and what happens when there is no room.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use bom_testkit::trial::{Failed, trial};
use libtest_mimic::Trial;

use crate::{
    OBSERVE,
    aibom::{PROGRAM, Ran, Scratch, Started, aibom, cgroups, run},
    document::Document,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("output::no_room_leaves_the_old_bom_whole", OBSERVE, no_room_leaves_the_old_bom_whole),
        trial("output::no_room_for_the_recording_is_said", OBSERVE, no_room_for_the_recording_is_said),
        trial("output::a_folder_that_cannot_be_written_to", OBSERVE, a_folder_that_cannot_be_written_to),
        trial("output::goes_to_links_pipes_and_devices", OBSERVE, goes_to_links_pipes_and_devices),
        trial(
            "output::keeps_mode_and_survives_a_closed_reader",
            OBSERVE,
            keeps_mode_and_survives_a_closed_reader,
        ),
    ]
}

/// Runs a shell script with `$0` = aibom and `$1` = a mount point, in a mount namespace of its own.
fn in_namespace(scratch: &Scratch, script: &str) -> Ran {
    let place = scratch.join("mounted");
    fs::create_dir_all(&place).expect("mkdir");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-euc", script]).arg(PROGRAM).arg(place);
    run(command)
}

/// 16 KiB, of which the old document and a filler leave nothing.
const NO_ROOM: &str =
    "mount -t tmpfs -o size=16k,mode=755 none \"$1\"; cd \"$1\"; echo 'the old one' >bom.json;
    head -c 12288 /dev/zero >filler; ";

fn no_room_leaves_the_old_bom_whole() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let script = format!(
        "{NO_ROOM} code=0; \"$0\" run -q -o bom.json -- sh -c 'exit 7' || code=$?; echo \"code $code\"; cat bom.json; ls -A"
    );
    let ran = in_namespace(&scratch, &script);
    let text = String::from_utf8(ran.stdout)?;
    assert_eq!(text, "code 125\nthe old one\nbom.json\nfiller\n", "{}", ran.stderr);
    one_line(&ran.stderr, &["write bom.json", "No space left on device"]);
    Ok(())
}

fn no_room_for_the_recording_is_said() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let script =
        format!("{NO_ROOM} code=0; \"$0\" record --to r -q -o - -- true || code=$?; echo \"code $code\"");
    let ran = in_namespace(&scratch, &script);
    assert_eq!(String::from_utf8(ran.stdout)?, "code 125\n", "{}", ran.stderr);
    one_line(&ran.stderr, &["recording", "No space left on device"]);
    Ok(())
}

fn a_folder_that_cannot_be_written_to() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let script = "mount -t tmpfs none \"$1\"; echo 'the old one' >\"$1\"/bom.json; mount -o remount,ro \"$1\";
        code=0; \"$0\" run -q -o \"$1\"/bom.json -- true || code=$?; echo \"code $code\"; cat \"$1\"/*; ls -A \"$1\"";
    let ran = in_namespace(&scratch, script);
    assert_eq!(String::from_utf8(ran.stdout)?, "code 125\nthe old one\nbom.json\n", "{}", ran.stderr);
    one_line(&ran.stderr, &["bom.json", "Read-only file system"]);

    let missing = scratch.join("no-such-folder/bom.json");
    let ran = aibom(["run", "-q", "-o", missing.to_str().expect("text"), "--", "true"]);
    assert_eq!(ran.code, 125);
    one_line(&ran.stderr, &["no-such-folder/bom.json", "No such file or directory"]);
    Ok(())
}

fn one_line(text: &str, words: &[&str]) {
    assert_eq!(text.lines().count(), 1, "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
}

fn goes_to_links_pipes_and_devices() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let (real, link, pipe) = (scratch.join("real"), scratch.join("link"), scratch.join("pipe"));
    fs::write(&real, "the old one")?;
    symlink("real", &link)?;
    let made = Command::new("mkfifo").arg(&pipe).status()?;
    assert!(made.success());
    let reader = {
        let pipe = pipe.clone();
        std::thread::spawn(move || fs::read(pipe))
    };
    let target = |path: &Path| path.to_str().expect("text").to_owned();
    let ran =
        aibom(["run", "-q", "-o", &target(&link), "-o", &target(&pipe), "-o", "/dev/null", "--", "true"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(fs::symlink_metadata(&link)?.is_symlink(), "the link is still one");
    let bytes = fs::read(&real)?;
    Document::parse(&bytes);
    assert_eq!(reader.join().expect("the reader")?, bytes, "the pipe got the same");
    assert!(!fs::metadata("/dev/null")?.is_file());
    assert_eq!(scratch.names(), ["link", "pipe", "real"]);

    // A pipe as /dev/stdout, as in `aibom run -o /dev/stdout -- … | jq`.
    let mut command = Command::new("sh");
    command.args(["-c", "\"$0\" run -q -o /dev/stdout -- true | cat", PROGRAM]);
    let ran = run(command);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    Document::parse(&ran.stdout);
    Ok(())
}

fn keeps_mode_and_survives_a_closed_reader() -> Result<(), Failed> {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = Scratch::new();
    let private = scratch.join("private");
    fs::write(&private, "the old one")?;
    fs::set_permissions(&private, fs::Permissions::from_mode(0o600))?;
    let ran = aibom(["run", "-q", "-o", private.to_str().expect("text"), "--", "true"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(fs::metadata(&private)?.permissions().mode() & 0o777, 0o600);
    Document::open(&private);

    let mut command = Command::new("sh");
    // `true` reads nothing and is gone long before the document is written.
    command.args(["-c", "{ \"$0\" run -q -o - -- sh -c 'exit 5'; echo \"code $?\" >&2; } | true", PROGRAM]);
    let ran = Started::start(command).wait();
    assert_eq!(ran.stderr, "code 5\n", "the command's code, and no complaint");
    assert!(cgroups(ran.pid).is_empty());
    Ok(())
}
