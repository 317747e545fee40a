//! Package URLs, escapes, addresses, digests, times, licences: rows of input and expectation.

use bom_core::bom::*;

#[test]
fn purls_follow_the_rules_of_their_type() {
    let commit = "AbCdEf0123456789abcdef0123456789abcdef01";
    for (name, found, expected) in [
        (
            "pypi_is_normalised",
            Purl::pypi("Foo__Bar.baz", Some("1.0+cu121")),
            "pkg:pypi/foo-bar-baz@1.0%2Bcu121",
        ),
        ("pypi_without_version", Purl::pypi("openai", None), "pkg:pypi/openai"),
        (
            "npm_scope_with_sign",
            Purl::npm(Some("@Model"), "Server", Some("1.2")),
            "pkg:npm/%40model/server@1.2",
        ),
        ("npm_scope_without_sign", Purl::npm(Some("model"), "s", None), "pkg:npm/%40model/s"),
        (
            "deb_with_epoch_and_plus",
            Purl::deb("Debian", "libC6", Some("1:2.36-9+deb12u9"), Some("amd64"), Some("debian-12")),
            "pkg:deb/debian/libc6@1:2.36-9%2Bdeb12u9?arch=amd64&distro=debian-12",
        ),
        (
            "huggingface_keeps_case_and_lowers_the_commit",
            Purl::huggingface("Qwen", "Qwen2.5-0.5B", Some(commit), Some("a b/q4.gguf")),
            "pkg:huggingface/Qwen/Qwen2.5-0.5B@abcdef0123456789abcdef0123456789abcdef01#a%20b/q4.gguf",
        ),
        (
            "oci_by_digest",
            Purl::oci("Agent", Some("sha256:00"), Some("registry.example.org/acme/agent"), Some("v1")),
            "pkg:oci/agent@sha256:00?repository_url=registry.example.org%2Facme%2Fagent&tag=v1",
        ),
        (
            "generic_by_content",
            Purl::generic("q4 model#1.gguf", None, Some(&[0xab; 32])),
            &format!("pkg:generic/q4%20model%231.gguf?checksum=sha256:{}", "ab".repeat(32)),
        ),
        ("parsing_brings_into_form", Purl::parse("pkg:pypi/Open_AI@1"), "pkg:pypi/open-ai@1"),
    ] {
        assert_eq!(found.expect(name).as_str(), expected, "{name}");
    }
}

#[test]
fn purls_that_would_say_something_else_are_refused() {
    for (name, found, expected) in [
        ("empty_name", Purl::pypi("", None), "make pypi purl: name is empty"),
        ("empty_version", Purl::pypi("a", Some("")), "make pypi purl: version is empty"),
        ("empty_scope", Purl::npm(Some("@"), "a", None), "make npm purl: scope is empty"),
        (
            "branch_as_version",
            Purl::huggingface("a", "b", Some("main"), None),
            "make huggingface purl: \"main\" is not a commit hash",
        ),
        (
            "path_upwards",
            Purl::huggingface("a", "b", None, Some("../x")),
            "make purl: invalid subpath segment: \"..\"",
        ),
        (
            "namespace_that_vanishes",
            Purl::huggingface("..", "b", None, None),
            "make purl: \"pkg:huggingface/../b\" does not parse back to itself",
        ),
        (
            "no_namespace",
            Purl::parse("pkg:huggingface/bert@00"),
            "make purl: namespace required for type \"huggingface\"",
        ),
        ("no_scheme", Purl::parse("pypi/a"), "make purl: missing scheme"),
    ] {
        assert_eq!(found.expect_err(name).to_string(), expected, "{name}");
    }
}

#[test]
fn purl_parts_are_decoded() {
    let purl = Purl::npm(Some("a"), "b", Some("1+2")).expect("a purl");
    let parts = purl.parts().expect("parts");
    assert_eq!(parts.ty, "npm");
    assert_eq!(parts.namespace.as_deref(), Some("@a"));
    assert_eq!(parts.version.as_deref(), Some("1+2"));
    assert_eq!(parts.qualifiers.len(), 0);
}

#[test]
fn escapes_hide_nothing_and_leave_the_readable() {
    for (bytes, text) in [
        (&b"/models/qwen.gguf"[..], "/models/qwen.gguf"),
        ("/modèles/日本語 👍".as_bytes(), "/modèles/日本語 👍"),
        (b"a\\b", r"a\\b"),
        (b"a\nb\tc\rd", r"a\nb\tc\rd"),
        (b"\x07\x08\x0b\x0c\x1b[0m\x7f\x00", r"\a\b\v\f\x1b[0m\x7f\x00"),
        (b"\xff\xc3", r"\xff\xc3"),
        ("\u{85}\u{9b}31m".as_bytes(), r"\xc2\x85\xc2\x9b31m"),
        (
            "a\u{202e}b\u{2066}c\u{200b}\u{feff}".as_bytes(),
            r"a\xe2\x80\xaeb\xe2\x81\xa6c\xe2\x80\x8b\xef\xbb\xbf",
        ),
        ("\u{e0041}\u{e0100}".as_bytes(), r"\xf3\xa0\x81\x81\xf3\xa0\x84\x80"),
        (b"\xed\xa0\x80", r"\xed\xa0\x80"),
        (b"", ""),
    ] {
        let escaped = escape(bytes);
        assert_eq!(escaped.text, text);
        assert_eq!(escaped.encoded, text.as_bytes() != bytes, "{text}");
        assert_eq!(unescape(text).expect(text), bytes);
    }
}

#[test]
fn broken_escapes_are_refused() {
    for (text, expected) in [
        ("a\\", UnescapeError::CutShort { offset: 1 }),
        ("\\x", UnescapeError::CutShort { offset: 0 }),
        ("\\x0", UnescapeError::CutShort { offset: 0 }),
        ("\\xg0", UnescapeError::NotHex { offset: 0 }),
        ("é\\q", UnescapeError::Unknown { offset: 2 }),
        ("\\é", UnescapeError::Unknown { offset: 0 }),
    ] {
        assert_eq!(unescape(text), Err(expected), "{text}");
    }
}

#[test]
fn iris_are_told_from_other_text() {
    for (text, ok) in [
        ("https://api.openai.com:443", true),
        ("https://user@h/p?q=1#f", true),
        ("//h/p", true),
        ("unix:///run/x.sock", true),
        ("urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#x", true),
        ("http://[::1]:80/", true),
        ("a/b:c", true),
        ("", true),
        ("http://é.example/ü", true),
        ("1a:b", false),
        ("http://h:x", false),
        ("http://[::1", false),
        ("http://[zz]/", false),
        ("http://h/[a]", false),
        ("a[b]", false),
        ("http://h/a b", false),
        ("http://h/%2", false),
        ("http://h/%zz", false),
        ("http://h/#a#b", false),
        ("http://h/\u{202e}", false),
        ("http://h/\u{e000}", false),
        ("http://h/a\nb", false),
        ("http://h/<x>", false),
    ] {
        assert_eq!(Iri::parse(text).is_ok(), ok, "{text:?}");
    }
}

#[test]
fn endpoints_are_scheme_host_and_port() {
    for (host, expected) in [
        ("api.openai.com", Some("https://api.openai.com:443")),
        ("10.0.0.1", Some("https://10.0.0.1:443")),
        ("2001:DB8::1", Some("https://[2001:db8:0:0:0:0:0:1]:443")),
        ("::ffff:10.0.0.1", Some("https://[0:0:0:0:0:ffff:a00:1]:443")),
        ("", None),
        ("a/b", None),
        ("a@b", None),
        ("a b", None),
        ("evil.example:80/x", None),
    ] {
        assert_eq!(Iri::endpoint("https", host, 443).ok().as_ref().map(Iri::as_str), expected, "{host}");
    }
}

#[test]
fn digests_fit_their_algorithm() {
    let hash = Hash::new(HashAlgorithm::Sha256, &"AB".repeat(32)).expect("a digest");
    assert_eq!(hash, Hash::sha256(&[0xab; 32]));
    assert_eq!(hash.hex(), "ab".repeat(32));
    for (hex, expected) in [
        ("ab".repeat(20), "parse SHA-256 digest: 40 digits, expected 64"),
        ("zz".repeat(32), "parse SHA-256 digest at offset 0: not a hexadecimal digit"),
        (String::new(), "parse SHA-256 digest: 0 digits, expected 64"),
    ] {
        assert_eq!(Hash::new(HashAlgorithm::Sha256, &hex).expect_err("refused").to_string(), expected);
    }
}

#[test]
fn times_are_read_with_any_offset() {
    for (text, expected) in [
        ("1970-01-01T00:00:00Z", Some("1970-01-01T00:00:00Z")),
        ("2026-02-28T23:30:00-01:30", Some("2026-03-01T01:00:00Z")),
        ("2024-02-29t12:00:00.5z", Some("2024-02-29T12:00:00.5Z")),
        ("2024-01-01T00:00:00.1234567899+00:00", Some("2024-01-01T00:00:00.123456789Z")),
        ("2016-12-31T23:59:60Z", Some("2017-01-01T00:00:00Z")),
        ("0000-01-01T00:00:00Z", Some("0000-01-01T00:00:00Z")),
        ("9999-12-31T23:59:59Z", Some("9999-12-31T23:59:59Z")),
        ("9999-12-31T23:59:59-00:01", None),
        ("2023-02-29T00:00:00Z", None),
        ("2023-13-01T00:00:00Z", None),
        ("2023-01-01T24:00:00Z", None),
        ("2023-01-01T00:00:00", None),
        ("2023-01-01T00:00:00.Z", None),
        ("2023-01-01T00:00:00+0100", None),
        ("2023-01-01", None),
        ("+023-01-01T00:00:00Z", None),
        ("2023-01-01T00:00:00Zé", None),
        ("é", None),
    ] {
        let found = Timestamp::parse(text).ok().map(|at| at.to_string());
        assert_eq!(found.as_deref(), expected, "{text}");
    }
    assert_eq!(
        Timestamp::from_unix(i64::MAX).expect_err("refused").to_string(),
        format!("make timestamp: {} seconds since 1970 is not in the years 0000 to 9999", i64::MAX)
    );
    assert!(Timestamp::from_unix_nanos(i128::MAX).is_err());
    assert!(Timestamp::from_unix_nanos(i128::MIN).is_err());
}

#[test]
fn licence_identifiers_are_those_the_schema_knows() {
    for (text, ok) in [
        ("MIT", true),
        ("Apache-2.0", true),
        ("apache-2.0", false),
        ("GPL-2.0+", false),
        ("NOASSERTION", false),
        ("Hippocratic-3.0-core", false),
        ("Llama 3 Community", false),
        ("", false),
    ] {
        assert_eq!(LicenseId::parse(text).is_some(), ok, "{text}");
    }
}
