//! A recording and its replay: the same bytes, without privilege, and damage is said in one line.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{Read as _, Write as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use bom_testkit::trial::Failed;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};

use crate::{inside, session::session};

/// `nobody`; what matters is that it is not root.
const NOBODY: u32 = 65_534;
/// Differing lines that a failure shows of each side.
const SHOWN: usize = 30;

pub(crate) fn gives_the_bytes_of_the_live_run() -> Result<(), Failed> {
    let session = session()?;
    let live = fs::read(&session.document)?;
    let once = as_nobody(&["replay", "-o", "-", "-"], &session.recording)?;
    same("live run and replay", &live, &succeeded(once)?)?;
    let stripped =
        || succeeded(as_nobody(&["replay", "--deterministic", "-o", "-", "-"], &session.recording)?);
    let first = stripped()?;
    same("two deterministic replays", &first, &stripped()?)?;
    if first == live {
        return Err("--deterministic changed nothing".into());
    }
    Ok(())
}

/// The replay of this recording gives this document.
pub(crate) fn agrees(document: &Path, recording: &Path) -> Result<(), Failed> {
    let replayed = succeeded(as_nobody(&["replay", "-o", "-", "-"], recording)?)?;
    same("live run and replay", &fs::read(document)?, &replayed)
}

/// Two runs of one command, and the replays of both: all four the same.
pub(crate) fn deterministic_runs_agree() -> Result<(), Failed> {
    let folder = inside::folder("demo-deterministic")?;
    let mut documents = Vec::new();
    for name in ["first", "second"] {
        let (document, recording) = (folder.join(name).with_extension("json"), folder.join(name));
        let mut aibom = Command::new(env!("CARGO_BIN_EXE_aibom"));
        aibom.args(["record", "--deterministic", "--to"]).arg(&recording).arg("-o").arg(&document);
        succeeded(aibom.args(["--", "cat", "/etc/passwd"]).output()?)?;
        documents.push(fs::read(&document)?);
        let replayed = as_nobody(&["replay", "--deterministic", "-o", "-", "-"], &recording)?;
        documents.push(succeeded(replayed)?);
    }
    let [live, replayed, second, again] = documents.as_slice() else {
        return Err("not four documents".into());
    };
    same("live run and replay", live, replayed)?;
    same("second live run and replay", second, again)?;
    same("two runs", live, second)
}

/// The committed recording gives the committed BOM. `AIBOM_BLESS=1` writes the BOM.
pub(crate) fn golden() -> Result<(), Failed> {
    let document = recordings().join("demo.cdx.json");
    let made = succeeded(as_nobody(&["replay", "-o", "-", "-"], &recordings().join("demo.aibomrec"))?)?;
    if std::env::var_os("AIBOM_BLESS").is_some_and(|value| value == "1") {
        return Ok(fs::write(&document, &made)?);
    }
    same(
        "testdata/recordings/demo.cdx.json and the replay (after a change: cargo xtask bless)",
        &fs::read(&document)?,
        &made,
    )
}

pub(crate) fn damaged_recordings_end_with_one_line() -> Result<(), Failed> {
    let packed = fs::read(recordings().join("demo.aibomrec"))?;
    let mut text = Vec::new();
    GzDecoder::new(packed.as_slice()).read_to_end(&mut text)?;
    let lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
    let middle = lines.len() / 2;
    let edited = |number: usize, line: &[u8]| {
        let mut lines = lines.clone();
        lines[number - 1] = line;
        pack(&lines.concat())
    };
    let mut flipped = packed.clone();
    flipped[packed.len() / 2] ^= 0xff;
    let mut long = vec![b' '; (16 << 20) + 1];
    long.push(b'\n');
    let cut = lines[middle - 1].len() / 2;
    let at_the_middle = format!("line {middle}");
    let rows: Vec<(&str, Vec<u8>, Vec<&str>)> = vec![
        ("empty_file", Vec::new(), vec!["line 1"]),
        ("not_gzip", b"{\"format\":\"aibom-recording\",\"version\":1}\n".to_vec(), vec!["line 1"]),
        ("gzip_cut_in_the_middle", packed[..packed.len() / 2].to_vec(), vec!["line "]),
        ("gzip_without_its_end", packed[..packed.len() - 4].to_vec(), vec!["line "]),
        ("bit_rot", flipped, vec!["line "]),
        ("nothing_in_it", pack(b"")?, vec!["line 1"]),
        (
            "another_format",
            edited(1, b"{\"format\":\"notes\",\"version\":1}\n")?,
            vec!["line 1", "not a recording"],
        ),
        (
            "a_later_version",
            edited(1, b"{\"format\":\"aibom-recording\",\"version\":99}\n")?,
            vec!["line 1", "99"],
        ),
        ("no_json", edited(middle, b"\x1b[31mred\n")?, vec![&at_the_middle]),
        ("line_cut_short", edited(middle, &lines[middle - 1][..cut])?, vec![&at_the_middle]),
        ("unknown_input", edited(middle, b"{\"Rumour\":{\"at_ns\":1}}\n")?, vec![&at_the_middle, "Rumour"]),
        (
            "negative_time",
            edited(middle, b"{\"Clock\":{\"boot_ns\":-1,\"wall_ns\":0}}\n")?,
            vec![&at_the_middle],
        ),
        ("line_too_long", edited(middle, &long)?, vec![&at_the_middle, "longer than"]),
    ];
    let folder = inside::folder("demo-damaged")?;
    for (name, bytes, words) in rows {
        let path = folder.join(name);
        fs::write(&path, bytes)?;
        let output = Command::new(env!("CARGO_BIN_EXE_aibom")).arg("replay").arg(&path).output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let missing: Vec<_> = words.iter().filter(|&&word| !said.contains(word)).collect();
        let path = path.display().to_string();
        let one_line = said.lines().count() == 1 && said.contains(&path) && !said.contains('\x1b');
        if output.status.code() != Some(2) || !output.stdout.is_empty() || !one_line || !missing.is_empty() {
            return Err(format!("{name}: {}, lacks {missing:?}, said: {said}", output.status).into());
        }
    }
    Ok(())
}

fn pack(text: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text)?;
    encoder.finish()
}

fn recordings() -> PathBuf {
    inside::sources().join("testdata/recordings")
}

/// `aibom` as somebody without any privilege, with a file as its standard input.
fn as_nobody(arguments: &[&str], input: &Path) -> Result<Output, Failed> {
    // The folders above the program may be closed to others.
    let open = tempfile::tempdir()?;
    let program = open.path().join("aibom");
    let built = env!("CARGO_BIN_EXE_aibom");
    fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(drop))?;
    let mut command = Command::new(&program);
    // SAFETY: takes nothing and cannot fail.
    if unsafe { libc::geteuid() } == 0 {
        fs::set_permissions(open.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        command.uid(NOBODY).gid(NOBODY);
    }
    Ok(command.args(arguments).current_dir("/").stdin(File::open(input)?).stdout(Stdio::piped()).output()?)
}

fn succeeded(output: Output) -> Result<Vec<u8>, Failed> {
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}

/// Fails with the lines that only one of them has.
fn same(what: &str, one: &[u8], other: &[u8]) -> Result<(), Failed> {
    if one == other && !one.is_empty() {
        return Ok(());
    }
    let (one, other) = (String::from_utf8_lossy(one), String::from_utf8_lossy(other));
    let (ours, theirs): (BTreeSet<&str>, BTreeSet<&str>) = (one.lines().collect(), other.lines().collect());
    let only = |sign: &str, lines: Vec<&&str>| -> String {
        let shown = lines.iter().take(SHOWN).map(|line| format!("{sign} {line}\n"));
        format!("{}{sign} {} lines alone\n", shown.collect::<String>(), lines.len())
    };
    let first = one.lines().zip(other.lines()).take_while(|(one, other)| one == other).count() + 1;
    Err(format!(
        "{what}: {} and {} lines, which differ from line {first}\n{}{}",
        one.lines().count(),
        other.lines().count(),
        only("-", ours.difference(&theirs).collect()),
        only("+", theirs.difference(&ours).collect())
    )
    .into())
}
