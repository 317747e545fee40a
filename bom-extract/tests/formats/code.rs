//! What programs, scripts and archives say of the code in them, and what they cannot say.

use bom_extract::Limits;
use bom_testkit::synth::{built, go_modules, zip};

use crate::check::{check, check_within};

const DEPS: &[&str] = &[
    "path\texample.com/agent/cmd/agent",
    "mod\texample.com/agent\t(devel)\t",
    "dep\tgithub.com/openai/openai-go\tv1.12.0\th1:abc=",
    "dep\tgithub.com/old/name\tv1.0.0\th1:def=",
    "=>\tgithub.com/new/name\tv1.2.0\th1:ghi=",
    "dep\texample.com/beside\tv0.0.0",
    "=>\t./beside\t",
    "build\t-compiler=gc",
    "build\tvcs.revision=0123",
];

#[test]
fn reads_what_go_says() {
    let modules = go_modules(DEPS);
    let everything = [
        "code.toolchain=go1.22.1",
        "code.main.name=example.com/agent",
        "no code.main.version",
        "code.packages.0.name=./beside",
        "no code.packages.0.version",
        "code.packages.1.name=github.com/new/name",
        "code.packages.1.version=v1.2.0",
        "code.packages.2.name=github.com/openai/openai-go",
        "code.packages.2.ecosystem=golang",
        "code.packages.2.checksum=h1:abc=",
        "code.packages.3.name=stdlib",
        "code.packages.3.version=1.22.1",
        "no code.packages.4",
    ];
    for (name, file, expected) in [
        ("now", built().go("go1.22.1", &modules, 0), &everything[..]),
        ("behind_relocated_data", built().go("go1.22.1", &modules, 4096), &everything),
        ("before_1_18", built().go_before_1_18("go1.22.1", &modules), &everything),
        (
            "no_modules",
            built().go("go1.22.1", b"", 0),
            &["code.toolchain=go1.22.1", "code.packages.0.name=stdlib", "no code.packages.1"],
        ),
        ("not_aligned", built().go("go1.22.1", &modules, 8), &["kind=elf", "no code"]),
        ("too_far", built().go("go1.22.1", &modules, 2 << 20), &["kind=elf", "no code"]),
        ("nothing", built(), &["kind=elf", "no code"]),
    ] {
        check(name, &file.build(), expected);
    }
    let limits = Limits { packages: 1, ..Limits::default() };
    check_within(
        "many",
        &built().go("go1.22.1", &modules, 0).build(),
        &limits,
        &["truncated=true", "! more than 1 packages"],
    );
    let mut long = built().go("go1.22.1", b"", 0).build();
    let at = long.windows(9).position(|window| window == b"\x08go1.22.1").expect("the version");
    long.splice(at..at, [0xff; 12]);
    check("length_without_end", &long, &["kind=elf", "! length has no end"]);
}

#[test]
fn reads_what_cargo_auditable_says() {
    let json = r#"{"packages":[
        {"name":"agent","version":"0.3.0","source":"local","dependencies":[1,2],"root":true},
        {"name":"async-openai","version":"0.27.2","source":"crates.io"},
        {"name":"cc","version":"1.2.0","source":"crates.io","kind":"build"}]}"#;
    check(
        "plain",
        &built().auditable(json).build(),
        &[
            "code.main.name=agent",
            "code.main.version=0.3.0",
            "code.packages.0.name=async-openai",
            "code.packages.0.ecosystem=cargo",
            "no code.packages.1",
        ],
    );
    for (name, file, expected) in [
        ("no_json", built().auditable("{"), vec!["! cargo-auditable list", "no code"]),
        ("not_packed", built().section(".dep-v0", b"nothing"), vec!["! cargo-auditable list", "no code"]),
        (
            "past_the_end",
            built().auditable(json).section_size(1 << 40),
            vec!["! cargo-auditable list of 1099511627776 bytes", "no code"],
        ),
        ("another_section", built().section(".dep-v1", b"x"), vec!["kind=elf", "no code"]),
        ("bomb", built().auditable(&" ".repeat(40 << 20)), vec!["! cargo-auditable list", "no code"]),
    ] {
        check(name, &file.build(), &expected);
    }
}

#[test]
fn recognises_engines_by_their_own_texts() {
    // Not whole in this file either, or the test would be an engine.
    let llama = [&b"blk.%d."[..], b"attn_q\0general.", b"architecture\0"].concat();
    let whisper = [&b"whisper_"[..], b"model_load\0"].concat();
    for (name, file, expected) in [
        ("llama", built().constants(200_000, &llama), vec!["code.engines.0=llama.cpp", "no code.engines.1"]),
        ("across_two_pieces", built().constants((256 << 10) - 20, &llama), vec!["code.engines.0=llama.cpp"]),
        (
            "two",
            built().constants(150_000, &llama).constants(400_000, &whisper),
            vec!["code.engines.0=llama.cpp", "code.engines.1=whisper.cpp"],
        ),
        ("half", built().constants(200_000, b"general.architecture"), vec!["kind=elf", "no code"]),
        ("too_small_to_be_one", built().constants(0, &llama), vec!["kind=elf", "no code"]),
    ] {
        check(name, &file.build(), &expected);
    }
}

#[test]
fn reads_the_first_line_of_scripts() {
    for (name, bytes, expected) in [
        (
            "env",
            &b"#!/usr/bin/env python3\nprint()\n"[..],
            &["kind=script", "code.interpreter=/usr/bin/env python3"][..],
        ),
        ("windows", b"#! /bin/sh\r\n", &["code.interpreter=/bin/sh"]),
        ("line_alone", b"#!/bin/sh", &["code.interpreter=/bin/sh"]),
        ("rust", b"#![no_std]\n", &["not ours"]),
        ("nothing", b"#!", &["not ours"]),
        ("not_utf8", b"#!/\xff\n", &["kind=script", "! is not UTF-8"]),
    ] {
        check(name, bytes, expected);
    }
}

#[test]
fn lists_what_archives_contain() {
    let pom = b"#Generated by Maven\nversion=1.2.3\ngroupId=dev.langchain4j\nartifactId=langchain4j-core\n";
    let jar = || {
        zip().stored("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\n").stored("dev/A.class", b"\xca\xfe")
    };
    let maven = |zip: bom_testkit::synth::Zip| {
        zip.deflated("META-INF/maven/dev.langchain4j/langchain4j-core/pom.properties", pom)
    };
    let core = [
        "code.packages.0.name=dev.langchain4j:langchain4j-core",
        "code.packages.0.version=1.2.3",
        "code.languages.0=java",
    ];
    for (name, file, expected) in [
        ("jar", maven(jar()), vec![core[0], core[1], core[2], "no code.opaque"]),
        ("jar_with_a_model", maven(jar()).stored("model.bin", b"x"), vec![core[0], "code.opaque=true"]),
        (
            "fat_jar",
            jar().stored("BOOT-INF/lib/langchain4j-core-1.2.3.jar", &maven(jar()).build()),
            vec![core[0], core[1]],
        ),
        (
            "packed_jar_in_a_jar",
            jar().deflated("lib/x-1.jar", &maven(jar()).build()),
            vec!["kind=archive", "no code.packages", "code.opaque=true"],
        ),
        (
            "osgi",
            zip().stored("a/A.class", b"").stored(
                "META-INF/MANIFEST.MF",
                b"Bundle-SymbolicName: org.slf4j.api;singleton:=true\r\nBundle-Version: 2.0.9\r\n",
            ),
            vec!["code.packages.0.name=org.slf4j.api", "code.packages.0.version=2.0.9"],
        ),
        ("nameless_jar", jar(), vec!["no code.packages", "code.opaque=true"]),
        (
            "wheel",
            zip()
                .stored("openai/__init__.py", b"")
                .stored("openai-2.0.dist-info/METADATA", b"Name: openai\nVersion: 2.0\n\nName: fake\n")
                .stored("openai-2.0.dist-info/RECORD", b""),
            vec![
                "code.packages.0.name=openai",
                "code.packages.0.version=2.0",
                "no code.packages.1",
                "no code.opaque",
            ],
        ),
        (
            "zipapp",
            zip().front(b"#!/usr/bin/env python3\n").stored("__main__.py", b""),
            vec!["code.interpreter=/usr/bin/env python3", "code.languages.0=python", "code.opaque=true"],
        ),
        (
            "yarn",
            zip()
                .deflated(
                    "node_modules/@scope/name/package.json",
                    br#"{"name":"@scope/name","version":"4.5.6"}"#,
                )
                .stored("node_modules/@scope/name/dist/package.json", br#"{"type":"commonjs"}"#)
                .stored("node_modules/@scope/name/dist/index.js", b""),
            vec![
                "code.packages.0.name=@scope/name",
                "code.packages.0.version=4.5.6",
                "no code.packages.1",
                "no code.opaque",
            ],
        ),
        (
            "documents",
            zip().stored("a.txt", b"").stored("b/LICENSE", b""),
            vec!["kind=archive", "no code.opaque"],
        ),
        ("weights", zip().stored("weights.bin", b""), vec!["kind=archive", "code.opaque=true"]),
    ] {
        check(name, &file.build(), &expected);
    }
    let strange = jar().deflated("META-INF/maven/a/b/pom.properties", b"groupId=\nartifactId=x\n");
    check("pom_without_a_group", &strange.build(), &["no code.packages", "code.opaque=true"]);
}

#[test]
fn tells_what_it_does_not_look_into() {
    let mut tar = b"models/weights.bin".to_vec();
    tar.resize(257, 0);
    tar.extend_from_slice(b"ustar\x0000");
    tar.resize(512, 0);
    for (name, bytes) in [
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec()),
        ("xz", b"\xfd7zXZ\0\0\x04".to_vec()),
        ("zstd", b"\x28\xb5\x2f\xfd\x04\0\0\0".to_vec()),
        ("deb", b"!<arch>\ndebian-binary".to_vec()),
        ("tar", tar.clone()),
    ] {
        check(name, &bytes, &["kind=archive", "code.opaque=true", "no model"]);
    }
    tar[257] = b'x';
    check("no_tar", &tar, &["not ours"]);
}
