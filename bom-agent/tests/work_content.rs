//! Inspect and Digest on real files, none of which needs a privilege.

mod work_tree;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use bom_agent::work::{Pool, PoolSettings};
use bom_core::{
    input::{Answer, Reason, Request, Work},
    metadata::FileKind,
    path::SeenPath,
};
use bom_testkit::synth;
use work_tree::{Folder, PATIENCE, ask, work};

/// What is wrong with a piece of work.
type Change = fn(&mut Work);

fn pool() -> Pool {
    Pool::start(PoolSettings::default()).expect("a pool")
}

fn unknown(reason: Reason) -> Answer {
    Answer::Unknown(reason)
}

#[test]
fn inspects_by_content() {
    let folder = Folder::new("inspect");
    let pool = pool();
    for (name, content, expected) in [
        ("model.bin", synth::gguf().build(), Some(FileKind::Gguf)),
        ("model.gguf", b"just text, whatever the name says".to_vec(), None),
        ("short.gguf", b"GG".to_vec(), None),
        ("empty.gguf", Vec::new(), None),
        ("new\nline \x1b[31m.gguf", synth::gguf().build(), Some(FileKind::Gguf)),
    ] {
        let path = folder.put(name, content);
        let Answer::Inspected(extracted) = ask(&pool, work(Request::Inspect, &path)) else {
            panic!("{name:?} was not inspected");
        };
        assert_eq!(extracted.map(|extracted| extracted.kind), expected, "{name:?}");
    }
}

#[test]
fn digests_every_size_around_a_piece() {
    let folder = Folder::new("digest");
    let pool = pool();
    for (size, expected) in [
        (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (3, "709e80c88487a2411e1ee4dfb9f22a861492d20c4765150c0c794abd70f8147c"),
    ] {
        let path = folder.put("small", vec![0; size]);
        assert_eq!(ask(&pool, work(Request::Digest, &path)), Answer::Digest(expected.to_owned()), "{size}");
    }
    for size in [262_143, 262_144, 262_145, 1 << 20] {
        let path = folder.put("large", vec![b'x'; size]);
        let output = Command::new("sha256sum").arg(&path).output().expect("sha256sum");
        let expected = String::from_utf8_lossy(&output.stdout)[..64].to_owned();
        assert_eq!(ask(&pool, work(Request::Digest, &path)), Answer::Digest(expected), "{size}");
    }
}

#[test]
fn tells_why_it_does_not_know() {
    let folder = Folder::new("reasons");
    let pool = pool();
    let model = synth::gguf().build();
    let changed: [(&str, Change); 7] = [
        ("inode", |work| work.file.key.inode += 1),
        ("size", |work| work.file.key.size += 1),
        ("ctime_s", |work| work.file.key.ctime_s -= 1),
        ("ctime_ns", |work| work.file.key.ctime_ns ^= 1),
        ("device", |work| work.file.key.device ^= 1),
        ("device_major", |work| work.file.key.device ^= 1 << 20),
        ("other_file", |work| work.file.path = SeenPath::new(*b"/etc/passwd")),
    ];
    for request in [Request::Inspect, Request::Digest] {
        for (name, change) in changed {
            let mut work = work(request, &folder.put("model.gguf", &model));
            change(&mut work);
            assert_eq!(ask(&pool, work), unknown(Reason::ChangedSinceOpen), "{name}");
        }
    }
    let other: [(&str, Reason, Change); 8] = [
        ("truncated", Reason::PathTruncated, |work| work.file.path_flags = 1),
        ("detached", Reason::NotFound, |work| work.file.path = SeenPath::new(*b"memfd:model")),
        ("no_path", Reason::NotFound, |work| work.file.path = SeenPath::new(*b"")),
        ("climbs", Reason::NotFound, |work| work.file.path = SeenPath::new(*b"/tmp/../etc/passwd")),
        ("folder", Reason::NotRegular, |work| work.file.path = SeenPath::new(*b"/etc")),
        ("device", Reason::NotRegular, |work| work.file.path = SeenPath::new(*b"/dev/zero")),
        ("no_namespace", Reason::NamespaceGone, |work| {
            work.mount_namespace = 0;
            work.file.path = SeenPath::new(*b"/only/seen/there");
        }),
        ("no_namespace_to_tell_by", Reason::NamespaceGone, |work| {
            work.mount_namespace = 0;
            // overlayfs
            work.file.fs_magic = 0x794c_7630;
        }),
    ];
    for (name, reason, change) in other {
        let mut work = work(Request::Inspect, &folder.put("model.gguf", &model));
        change(&mut work);
        assert_eq!(ask(&pool, work), unknown(reason), "{name}");
    }
}

/// Its namespace is gone, and ours shows the very same file at the same place.
#[test]
fn a_file_that_we_see_as_well_needs_no_namespace() {
    let folder = Folder::new("gone");
    let mut work = work(Request::Inspect, &folder.put("model.gguf", synth::gguf().build()));
    work.mount_namespace = 0;
    assert!(matches!(ask(&pool(), work.clone()), Answer::Inspected(Some(_))));
    work.file.key.inode += 1;
    assert_eq!(ask(&pool(), work), unknown(Reason::NamespaceGone));
}

#[test]
fn device_is_not_compared_where_it_differs_by_nature() {
    let folder = Folder::new("overlay");
    let pool = pool();
    for (fs_magic, known) in [(0x794c_7630, true), (0x9123_683e, true), (0xef53, false)] {
        let mut work = work(Request::Inspect, &folder.put("model.gguf", synth::gguf().build()));
        work.file.key.device ^= 1;
        work.file.fs_magic = fs_magic;
        assert_eq!(matches!(ask(&pool, work), Answer::Inspected(Some(_))), known, "{fs_magic:x}");
    }
}

#[test]
fn ignores_the_flag_that_newer_kernels_keep_in_the_change_time() {
    let folder = Folder::new("ctime-flag");
    let mut work = work(Request::Inspect, &folder.put("model.gguf", synth::gguf().build()));
    work.file.key.ctime_ns |= 1 << 31;
    assert!(matches!(ask(&pool(), work), Answer::Inspected(Some(_))));
}

#[test]
fn notices_what_happened_since_the_open() {
    let folder = Folder::new("since");
    let pool = pool();
    let check = |name: &str, reason: Reason, change: &dyn Fn(&Path)| {
        let path = folder.put(&format!("{name}/model.gguf"), synth::gguf().build());
        let work = work(Request::Inspect, &path);
        change(&path);
        assert_eq!(ask(&pool, work), unknown(reason), "{name}");
    };
    check("unlinked", Reason::NotFound, &|path| fs::remove_file(path).expect("removed"));
    check("appended", Reason::ChangedSinceOpen, &|path| {
        File::options().append(true).open(path).expect("opened").write_all(b"x").expect("written");
    });
    check("replaced", Reason::ChangedSinceOpen, &|path| {
        let other = folder.put("replaced/other", synth::gguf().build());
        fs::rename(other, path).expect("renamed");
    });
    check("became_a_link", Reason::ChangedSinceOpen, &|path| {
        fs::rename(path, path.with_extension("moved")).expect("renamed");
        symlink(path.with_extension("moved"), path).expect("a link");
    });
    check("folder_became_a_link", Reason::ChangedSinceOpen, &|path| {
        let folder = path.parent().expect("a parent");
        fs::rename(folder, folder.with_extension("moved")).expect("renamed");
        symlink(folder.with_extension("moved"), folder).expect("a link");
    });
}

#[test]
fn fifo_with_a_models_name_does_not_block() {
    let folder = Folder::new("fifo");
    let path = folder.put("model.gguf", synth::gguf().build());
    let work = work(Request::Inspect, &path);
    fs::remove_file(&path).expect("removed");
    assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
    assert_eq!(ask(&pool(), work), unknown(Reason::NotRegular));
}

#[test]
fn sparse_giant_is_not_hashed_past_the_limit() {
    let folder = Folder::new("sparse");
    let path = folder.put("giant.gguf", b"");
    File::options().write(true).open(&path).expect("opened").set_len(1 << 40).expect("a sparse file");
    let settings = PoolSettings { max_digest_bytes: Some(1 << 20), ..PoolSettings::default() };
    let pool = Pool::start(settings).expect("a pool");
    assert_eq!(ask(&pool, work(Request::Digest, &path)), unknown(Reason::TooLarge));
    let path = folder.put("fits", vec![0; 1 << 20]);
    assert!(matches!(ask(&pool, work(Request::Digest, &path)), Answer::Digest(_)));
}

#[test]
fn a_giant_digest_holds_up_neither_headers_nor_the_end() {
    let folder = Folder::new("lanes");
    let giant = folder.put("giant", b"");
    File::options().write(true).open(&giant).expect("opened").set_len(1 << 42).expect("a sparse file");
    let model = folder.put("model.gguf", synth::gguf().build());
    let pool = pool();
    pool.submit(work(Request::Digest, &giant)).expect("room");
    assert!(matches!(
        ask(&pool, Work { id: 8, ..work(Request::Inspect, &model) }),
        Answer::Inspected(Some(_))
    ));
    assert_eq!(pool.pending(), 1);
    let start = Instant::now();
    drop(pool);
    assert!(start.elapsed() < Duration::from_secs(20), "the digest of 4 TiB was waited for");
}

#[test]
fn full_queue_gives_the_work_back() {
    let folder = Folder::new("full");
    let giant = folder.put("giant", b"");
    File::options().write(true).open(&giant).expect("opened").set_len(1 << 42).expect("a sparse file");
    let pool = Pool::start(PoolSettings { queue: 2, ..PoolSettings::default() }).expect("a pool");
    let works = (0..8).map(|id| Work { id, ..work(Request::Digest, &giant) });
    let refused: Vec<u64> = works.filter_map(|work| pool.submit(work).err()).map(|work| work.id).collect();
    // One may have been taken up already.
    assert!(refused.len() >= 5 && refused.last() == Some(&7), "refused: {refused:?}");
    assert_eq!(pool.pending() + refused.len(), 8);
    assert_eq!(pool.try_recv(), None);
}

#[test]
fn every_question_is_answered_once() {
    let folder = Folder::new("once");
    let model = folder.put("model.gguf", synth::gguf().build());
    let settings = PoolSettings { threads: 3, ..PoolSettings::default() };
    let (sender, told) = std::sync::mpsc::channel();
    let pool = Pool::start_notifying(settings, move || {
        // The receiver outlives the pool.
        let _ = sender.send(());
    })
    .expect("a pool");
    let requests = [Request::Inspect, Request::Digest, Request::Owner];
    for (id, request) in (0..300).zip(requests.into_iter().cycle()) {
        pool.submit(Work { id, ..work(request, &model) }).expect("room");
    }
    let mut answers: Vec<u64> = (0..300).map(|_| pool.recv_timeout(PATIENCE).expect("an answer").0).collect();
    answers.sort_unstable();
    assert_eq!(answers, (0..300).collect::<Vec<u64>>());
    assert_eq!((pool.pending(), pool.try_recv()), (0, None));
    drop(pool);
    assert_eq!(told.iter().count(), 300);
}

#[test]
fn no_permission_is_told_apart() {
    let folder = Folder::new("permission");
    let path = folder.put("d/model.gguf", synth::gguf().build());
    let work = work(Request::Inspect, &path);
    fs::set_permissions(folder.0.join("d"), fs::Permissions::from_mode(0o000)).expect("mode");
    let allowed = fs::read(&path).is_ok();
    let answer = ask(&pool(), work);
    fs::set_permissions(folder.0.join("d"), fs::Permissions::from_mode(0o700)).expect("mode");
    // Root may read anything: then that is what has to come out.
    match allowed {
        true => assert!(matches!(answer, Answer::Inspected(Some(_)))),
        false => assert_eq!(answer, unknown(Reason::PermissionDenied)),
    }
}
