//! Probes that are left out, and what a user's catalog adds.

use std::{fs, io::Read as _, net::TcpListener, thread};

use bom_testkit::trial::{Failed, trial};
use libtest_mimic::Trial;

use crate::{
    OBSERVE,
    aibom::{Scratch, aibom},
    document::Document,
    observed_program,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("gaps::a_probe_left_out_is_a_gap", OBSERVE, a_probe_left_out_is_a_gap),
        trial("gaps::a_probe_nobody_knows_is_refused", OBSERVE, a_probe_nobody_knows_is_refused),
        trial("gaps::a_catalog_names_a_private_host", OBSERVE, a_catalog_names_a_private_host),
        trial("gaps::a_broken_catalog_is_refused", OBSERVE, a_broken_catalog_is_refused),
    ]
}

fn a_probe_left_out_is_a_gap() -> Result<(), Failed> {
    for (probe, concerned) in [
        ("sys_exit_openat", &["libraries", "models", "packages"][..]),
        ("inet_sock_set_state", &["endpoints"]),
        ("sched_process_fork", &["endpoints", "libraries", "models", "packages", "programs"]),
    ] {
        let ran = aibom(["run", "-o", "-", "--without-probe", probe, "--", "true"]);
        assert_eq!(ran.code, 0, "{probe}: {}", ran.stderr);
        let document = Document::parse(&ran.stdout);
        let gap = format!("probe-missing:{probe}");
        for class in crate::document::CLASSES {
            let has = document.gaps(class).contains(&gap.as_str());
            assert_eq!(has, concerned.contains(&class), "{probe}, {class}: {:?}", document.gaps(class));
        }
        assert_eq!(document.probe(probe), Some("left-out"));
        assert!(ran.stderr.contains(&format!("probe {probe}: left out")), "{}", ran.stderr);
    }
    Ok(())
}

fn a_probe_nobody_knows_is_refused() -> Result<(), Failed> {
    let ran = aibom(["run", "--without-probe", "sys_exit_opneat", "--", "echo", "ran"]);
    assert_eq!((ran.code, ran.stdout.len()), (125, 0), "{}", ran.stderr);
    assert_eq!(ran.stderr, "aibom: no probe named \"sys_exit_opneat\"; docs/probes.md lists them\n");
    Ok(())
}

fn a_catalog_names_a_private_host() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let catalog = scratch.join("catalog.tsv");
    fs::write(&catalog, "# ours\nOur Own Models\tllm-api\tsuffix\t.models.internal.example\thigh\n")?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let peer = thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().expect("a connection");
            let _ = stream.read(&mut [0; 4096]);
        }
    });
    let observe = |options: &[&str]| {
        let mut arguments: Vec<std::ffi::OsString> = ["run", "-q", "-o", "-"].map(Into::into).to_vec();
        arguments.extend(options.iter().map(Into::into));
        arguments.push("--".into());
        arguments.extend(observed_program::command(
            "say-hello",
            &[&address.to_string(), "chat.models.internal.example"],
        ));
        let ran = aibom(arguments);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let document = Document::parse(&ran.stdout);
        let [service] = &document.0.services[..] else { panic!("one endpoint: {:?}", document.0.services) };
        assert_eq!(service.name, "chat.models.internal.example");
        (service.provider.clone(), service.group.clone())
    };
    let (provider, _) = observe(&[]);
    assert_eq!(provider, None, "nobody knows it without the catalog");
    let (provider, group) = observe(&["--catalog", catalog.to_str().expect("text")]);
    assert!(format!("{provider:?}").contains("Our Own Models"), "{provider:?}");
    assert_eq!(group.as_deref(), Some("llm-api"));
    peer.join().expect("the peer");
    Ok(())
}

fn a_broken_catalog_is_refused() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let catalog = scratch.join("catalog.tsv");
    let path = catalog.to_str().expect("text");
    for (text, expected) in [
        (&b"# fine\nA\tllm-api\texact\ta.example\thigh\nonly\ttwo\n"[..], "line 3: 2 columns"),
        (b"A\tllm-api\tregex\ta.example\thigh\n", "line 1: match \"regex\" is none of exact, suffix, glob"),
        (b"\xff\xfe\n", "UTF-8"),
    ] {
        fs::write(&catalog, text)?;
        let ran = aibom(["run", "--catalog", path, "--", "echo", "ran"]);
        assert_eq!((ran.code, ran.stdout.len()), (125, 0), "{}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains(path) && ran.stderr.contains(expected), "{expected:?}: {}", ran.stderr);
    }
    let ran = aibom(["run", "--catalog", "/nonexistent/catalog", "--", "echo", "ran"]);
    assert_eq!((ran.code, ran.stdout.len()), (125, 0), "{}", ran.stderr);
    Ok(())
}
