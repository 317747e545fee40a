use bom_extract::Limits;
use bom_testkit::synth::gguf;

use crate::check::{check, check_within};

#[test]
fn reads_valid_files() {
    let everything = [
        "kind=gguf",
        "truncated=false",
        "model.architecture=llama",
        "model.name=Tiny Llama",
        "model.claimed.general.license=apache-2.0",
        "model.claimed.general.tags=text-generation, test",
        "model.quantization=Q4_K_M",
        "model.context_length=4096",
        "model.hyperparameters.llama.block_count=2",
        "model.hyperparameters.llama.rope.freq_base=10000.0",
        "model.hyperparameters.tokenizer.ggml.add_bos_token=true",
        "model.hyperparameters.tokenizer.ggml.tokens.count=3",
        "model.templates.tokenizer.chat_template.bytes=14",
        // sha256sum of `{{ messages }}`.
        "model.templates.tokenizer.chat_template.sha256=f24189f08c85a1eb19a737306c3a13e85462ee33d964f28108d64a2485fa2171",
        "model.parameter_count=768",
        "model.tensor_count=2",
        "model.dtype=F32",
        "no model.role",
    ];
    for (name, file, version, order) in [
        ("version_3", gguf(), "3", "little"),
        ("version_2", gguf().version(2), "2", "little"),
        ("version_1", gguf().version(1), "1", "little"),
        ("big_endian_3", gguf().big_endian(), "3", "big"),
        ("big_endian_1", gguf().version(1).big_endian(), "1", "big"),
    ] {
        let version = format!("model.format_version={version}");
        let order = format!("model.byte_order={order}");
        check(name, &file.build(), &[&everything[..], &[&version, &order]].concat());
    }
}

#[test]
fn tells_roles_and_types_apart() {
    for (name, file, expected) in [
        (
            "vocabulary",
            gguf().no_tensors(),
            vec!["model.role=vocabulary", "model.tensor_count=0", "no model.parameter_count"],
        ),
        ("stated_role", gguf().text("general.type", "mmproj"), vec!["model.role=projector"]),
        (
            "adapter_by_its_tensors",
            gguf().no_tensors().tensor("w.lora_a", 1, &[8, 2], 32).tensor("w.lora_b", 1, &[2, 8], 32),
            vec!["model.role=adapter", "model.parameter_count=32"],
        ),
        ("empty", gguf().empty(), vec!["model.tensor_count=0", "no model.role"]),
        (
            "scheme_from_the_tensors",
            gguf().empty().tensor("w", 8, &[32], 34),
            vec!["model.quantization=Q8_0", "model.dtype=Q8_0"],
        ),
        (
            "guessed_scheme",
            gguf().no_entries().u32("general.file_type", 1024 + 18),
            vec!["model.quantization=Q6_K"],
        ),
        (
            "plain_type_is_no_scheme",
            gguf().empty().u32("general.file_type", 1),
            vec!["model.dtype=F16", "no model.quantization"],
        ),
        (
            "larger_alignment",
            gguf().u32("general.alignment", 128).aligned(128),
            vec!["model.hyperparameters.general.alignment=128"],
        ),
        (
            "context_of_another_architecture",
            gguf().no_entries().text("general.architecture", "clip").u32("llama.context_length", 7),
            vec!["no model.context_length"],
        ),
        ("nested_arrays", gguf().nested("odd", 5), vec!["model.parameter_count=768"]),
        (
            "integers_are_no_parameters",
            gguf().tensor("index", 26, &[8], 32),
            vec!["model.parameter_count=768", "model.tensor_count=3"],
        ),
    ] {
        check(name, &file.build(), &expected);
    }
}

#[test]
fn survives_hostile_headers() {
    let long_key = "k".repeat(70_000);
    for (name, file, expected) in [
        ("magic_cut_short", gguf().cut(3), vec!["not ours"]),
        ("magic_only", gguf().cut(4), vec!["! 4 bytes wanted, 0 left in the file"]),
        ("cut_in_the_counts", gguf().cut(20), vec!["model.format_version=3", "! 8 bytes wanted, 4 left"]),
        ("version_0", gguf().version(0), vec!["! version 0 is not 1 to 3"]),
        ("version_9", gguf().version(9), vec!["! unsupported-version at offset 4: version 9"]),
        (
            "key_count_past_end",
            gguf().key_count(u64::MAX),
            vec!["model.tensor_count=2", "! count-exceeds-file at offset 8: key count 18446744073709551615"],
        ),
        (
            "tensor_count_past_end",
            gguf().tensor_count(1 << 40),
            vec!["model.name=Tiny Llama", "no model.tensor_count", "! tensor count 1099511627776"],
        ),
        (
            "one_key_too_many",
            gguf().no_tensors().key_count(14),
            vec!["model.name=Tiny Llama", "! 8 bytes wanted, 0 left"],
        ),
        (
            "one_key_too_many_reads_the_data",
            gguf().key_count(14),
            vec!["model.name=Tiny Llama", "! tensor name length"],
        ),
        (
            "key_longer_than_limit",
            gguf().key(&long_key),
            vec!["! key length 70000 exceeds the limit of 65535", "model.parameter_count=768"],
        ),
        (
            "string_length_2_to_62",
            gguf().text_length("general.author", 1 << 62),
            vec!["model.name=Tiny Llama", "! string length 4611686018427387904 exceeds the"],
        ),
        (
            "string_longer_than_limit_is_stepped_over",
            gguf().text("general.description", &"d".repeat((1 << 20) + 1)),
            vec!["! string length 1048577 exceeds the limit of 1048576", "model.parameter_count=768"],
        ),
        (
            "value_too_long_to_keep",
            gguf().text("general.description", &"d".repeat(5000)),
            vec!["! general.description of 5000 bytes is kept up to 4096 bytes"],
        ),
        (
            "not_utf8",
            gguf().text_bytes("general.author", b"J\xf6rg"),
            vec!["! general.author is not UTF-8", "model.claimed.general.author=J\u{fffd}rg"],
        ),
        (
            "array_count_past_end",
            gguf().array_count("a", 6, 1 << 62),
            vec!["! array length 4611686018427387904 does not fit"],
        ),
        (
            "string_array_count_past_end",
            gguf().array_count("a", 8, u64::MAX),
            vec!["! array length 18446744073709551615 does not fit"],
        ),
        ("array_of_unknown_type", gguf().array_count("a", 13, 1), vec!["! array type 13"]),
        ("unknown_value_type", gguf().raw("a", 77, b""), vec!["! value type 77"]),
        ("arrays_too_deep", gguf().nested("a", 40), vec!["truncated=true", "! nested deeper than 32"]),
        (
            "duplicate_key",
            gguf().text("general.license", "mit"),
            vec!["! key general.license appears twice", "model.claimed.general.license=mit"],
        ),
        (
            "alignment_0",
            gguf().u32("general.alignment", 0),
            vec!["! general.alignment 0 is not a power of two"],
        ),
        ("alignment_33", gguf().u32("general.alignment", 33), vec!["! general.alignment 33 is not a power"]),
        (
            "alignment_2_to_63",
            gguf().u64("general.alignment", 1 << 63),
            vec!["! tensor output_norm.weight starts at 288, off the alignment", "! past the file size"],
        ),
        (
            "file_type_unknown",
            gguf().u32("general.file_type", 999),
            vec!["! file_type 999", "! duplicate-key"],
        ),
        (
            "nine_dimensions",
            gguf().tensor("t", 0, &[1; 9], 4),
            vec!["! tensor t has 9 dimensions", "no model.parameter_count"],
        ),
        (
            "dimensions_overflow",
            gguf().tensor("t", 0, &[1 << 33, 1 << 33], 4),
            vec!["! arithmetic-overflow", "no model.parameter_count"],
        ),
        (
            "tensor_name_of_64_bytes",
            gguf().empty().tensor(&"n".repeat(64), 0, &[1], 4),
            vec!["! tensor name length 64 is not below 64", "model.parameter_count=1"],
        ),
        (
            "tensor_type_unknown",
            gguf().tensor("t", 5, &[1], 4),
            vec!["! tensor t has the unknown type 5", "no model.parameter_count", "model.tensor_count=3"],
        ),
        (
            "block_not_full",
            gguf().empty().tensor("t", 12, &[255], 144),
            vec!["! tensor t does not fill its blocks of 256 elements"],
        ),
        (
            "offset_overflows",
            gguf().tensor_at("t", 0, &[8], u64::MAX - 31),
            vec!["! the size of tensor t does not fit in 64 bits"],
        ),
        (
            "offset_past_end",
            gguf().tensor_at("t", 0, &[8], 1 << 40),
            vec!["! hole", "! tensor data ends at 1099511"],
        ),
        ("overlap", gguf().tensor_at("t", 0, &[8], 32), vec!["! two tensors share 32 bytes"]),
        ("duplicate_tensor", gguf().tensor("output_norm.weight", 0, &[8], 32), vec!["! appears twice"]),
        ("data_cut", gguf().cut(1400), vec!["! length-exceeds-file", "model.parameter_count=768"]),
        ("trailing_data", gguf().append(&[0x50; 100]), vec!["! 100 bytes follow the last tensor"]),
    ] {
        check(name, &file.build(), &expected);
    }
}

#[test]
fn reports_templates_that_climb_out() {
    for (name, template, expected) in [
        ("honest", "{% for m in messages %}{{ m['content'] }}{% endfor %}", vec![]),
        (
            "globals",
            "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
            vec!["! contains __globals__", "! contains __init__"],
        ),
        ("attribute_filter", "{{ ''|attr('x') }}", vec!["! contains |attr("]),
    ] {
        let file = gguf().no_entries().text("tokenizer.chat_template.tool_use", template);
        let present = format!("model.templates.tokenizer.chat_template.tool_use.bytes={}", template.len());
        check(name, &file.build(), &[&[present.as_str()], &expected[..]].concat());
    }
}

#[test]
fn stops_at_its_limits() {
    // Long enough not to be read at once.
    let file = gguf().floats("late", 1000).build();
    let limits = Limits::default();
    for (name, limits, expected) in [
        ("entries", Limits { entries: 3, ..limits.clone() }, vec!["! key count 14 exceeds the limit of 3"]),
        (
            "tensors",
            Limits { tensors: 1, ..limits.clone() },
            vec!["! tensor count 2 exceeds the limit of 1", "model.context_length=4096"],
        ),
        (
            "array_items",
            Limits { array_items: 2, ..limits.clone() },
            vec!["! array length 3 exceeds the limit"],
        ),
        ("kept_bytes", Limits { kept_bytes: 700, ..limits.clone() }, vec!["! the budget of memory is spent"]),
        ("reads", Limits { reads: 1, ..limits.clone() }, vec!["! the budget of reads is spent"]),
        ("read_bytes", Limits { read_bytes: 200, ..limits.clone() }, vec!["! the budget of bytes is spent"]),
    ] {
        check_within(name, &file, &limits, &[&["truncated=true"], &expected[..]].concat());
    }
}
