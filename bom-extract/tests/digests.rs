//! The cache of digests: what is refused, and what is kept.
#![cfg(feature = "std")]

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bom_extract::{Digests, FileState};

const DIGEST: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn place(name: &str) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("digests-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&place);
    fs::create_dir(&place).expect("a folder");
    place
}

fn refusal(folder: &Path) -> String {
    Digests::open(folder).err().map_or_else(String::new, |error| error.to_string())
}

#[test]
fn what_others_can_write_is_refused() {
    let place = place("refused");
    let (open, linked, file) = (place.join("open"), place.join("linked"), place.join("file"));
    fs::create_dir(&open).expect("a folder");
    fs::set_permissions(&open, Permissions::from_mode(0o777)).expect("permissions");
    symlink(&place, &linked).expect("a link");
    fs::write(&file, "").expect("a file");
    let good = place.join("good");
    assert_eq!(refusal(&good), "");
    for (name, folder, why) in [
        ("writable", &open, "others can write to it"),
        ("link", &linked, "not a folder"),
        ("file", &file, "not a folder"),
        ("nowhere", &place.join("a/b"), "No such file"),
    ] {
        assert!(refusal(folder).contains(why), "{name}: {}", refusal(folder));
    }
    let inside = good.join("digests-1");
    fs::set_permissions(&inside, Permissions::from_mode(0o666)).expect("permissions");
    assert!(refusal(&good).contains("others can write to it"));
    fs::set_permissions(&inside, Permissions::from_mode(0o600)).expect("permissions");
    fs::hard_link(&inside, place.join("second")).expect("a second name");
    assert!(refusal(&good).contains("it has several names"));
    fs::remove_file(&inside).expect("removed");
    symlink(place.join("second"), &inside).expect("a link");
    assert!(!refusal(&good).is_empty());
    fs::remove_dir_all(&place).expect("removed");
}

#[test]
fn a_state_is_known_until_it_changes() {
    let place = place("states");
    let (folder, model) = (place.join("cache"), place.join("model"));
    fs::write(&model, vec![1; 16 << 20]).expect("a file");
    let file = File::open(&model).expect("the file");
    // One that was just written is in no state yet.
    assert_eq!(FileState::of(&file), None, "too young");
    let kind =
        std::process::Command::new("stat").args(["-f", "-c", "%t"]).arg(&model).output().expect("stat");
    let kept =
        ["ef53", "58465342", "9123683e", "f2f52010"].contains(&String::from_utf8_lossy(&kind.stdout).trim());
    let end = Instant::now() + Duration::from_secs(60);
    let mut state = FileState::of(&file);
    while kept && state.is_none() {
        assert!(Instant::now() < end, "it never settles");
        std::thread::yield_now();
        state = FileState::of(&file);
    }
    // What is not kept on this file system is the other half of the rule.
    assert_eq!(state.is_some(), kept);
    let code = place.join("code");
    fs::write(&code, [b"\x7fELF".to_vec(), vec![1; 16 << 20]].concat()).expect("a file");
    if let Some(state) = state {
        let cache = Digests::open(&folder).expect("a folder");
        assert_eq!(cache.known(&state), None);
        cache.keep(state, DIGEST).expect("kept");
        assert_eq!(Digests::open(&folder).expect("the folder").known(&state).as_deref(), Some(DIGEST));
        // Lines that are none are no entries, and spoil no others.
        let path = folder.join("digests-1");
        let text = fs::read_to_string(&path).expect("text");
        fs::write(&path, format!("x\n1 2 3\n{text}{}", text.replace(DIGEST, "00"))).expect("written");
        assert_eq!(Digests::open(&folder).expect("the folder").known(&state).as_deref(), Some(DIGEST));
        fs::set_permissions(&model, Permissions::from_mode(0o600)).expect("a change");
        let end = Instant::now() + Duration::from_secs(60);
        let changed = loop {
            if let Some(state) = FileState::of(&file) {
                break state;
            }
            assert!(Instant::now() < end, "it never settles");
            std::thread::yield_now();
        };
        assert_ne!(changed, state);
        assert_eq!(cache.known(&changed), None);
        let code = File::open(&code).expect("the file");
        assert_eq!(FileState::of(&code), None, "a program is read each time");
    }
    fs::remove_dir_all(&place).expect("removed");
}
