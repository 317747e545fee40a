//! Files that lie about themselves.

use std::fs;

use bom_testkit::{
    synth::{gguf, safetensors},
    trial::{Failed, trial},
};
use libtest_mimic::Trial;

use crate::{
    OBSERVE,
    aibom::{Scratch, aibom},
    document::{Document, properties},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("hostile::a_header_that_lies_is_said_to", OBSERVE, a_header_that_lies_is_said_to)]
}

fn a_header_that_lies_is_said_to() -> Result<(), Failed> {
    let honest = safetensors();
    for (name, bytes, issue) in [
        ("honest", honest.build(), None),
        (
            "length_past_every_file",
            honest.clone().header_length(1 << 63).build(),
            Some("header length 9223372036854775808"),
        ),
        (
            "length_of_all_ones",
            honest.clone().header_length(u64::MAX).build(),
            Some("header length 18446744073709551615"),
        ),
        (
            "length_one_past_the_end",
            honest.clone().header_length(honest.build().len() as u64 - 7).build(),
            Some("header length 331"),
        ),
        (
            "tensor_past_the_end",
            honest.clone().tensor_at("far", "F32", &[1 << 40], 0, 1 << 42).build(),
            Some("past the file size of 417"),
        ),
        (
            "gguf_with_too_many_keys",
            gguf().key_count(u64::MAX).build(),
            Some("key count 18446744073709551615"),
        ),
        (
            "gguf_with_too_many_tensors",
            gguf().tensor_count(1 << 63).build(),
            Some("tensor count 9223372036854775808"),
        ),
    ] {
        let scratch = Scratch::new();
        let path = scratch.join(format!("{name}.safetensors"));
        fs::write(&path, &bytes)?;
        let shown = path.to_str().expect("text");
        let ran = aibom(["run", "-o", "-", "--", "cat", shown]);
        assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
        // `cat` has the same stdout: the document starts where the file ends.
        assert_eq!(ran.stdout.get(..bytes.len()), Some(&bytes[..]), "{name}");
        let json = &ran.stdout[bytes.len()..];
        let document = Document::parse(json);
        let [model] = document.models()[..] else { panic!("{name}: one model in\n{}", ran.stderr) };
        let issues = properties(model, "aibom:model:issue");
        match issue {
            None => assert_eq!(issues, Vec::<&str>::new(), "{name}"),
            Some(issue) => assert!(issues.iter().any(|found| found.contains(issue)), "{name}: {issues:?}"),
        }
        assert_eq!(model.evidence.occurrences[0].location, shown, "{name}");
    }
    Ok(())
}
