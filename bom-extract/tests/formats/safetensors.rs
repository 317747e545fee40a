use bom_extract::Limits;
use bom_testkit::synth::safetensors;

use crate::check::{check, check_within};

#[test]
fn reads_valid_files() {
    for (name, file, expected) in [
        (
            "default",
            safetensors(),
            vec![
                "kind=safetensors",
                "truncated=false",
                "model.tensor_count=2",
                // The four indices are no parameters.
                "model.parameter_count=32",
                "model.dtype=F32",
                "model.claimed.format=pt",
                "no model.role",
                "no model.quantization",
            ],
        ),
        ("no_tensors", safetensors().empty(), vec!["model.tensor_count=0", "no model.parameter_count"]),
        ("padded_header", safetensors().padding(100), vec!["model.parameter_count=32"]),
        ("scalar", safetensors().empty().tensor("s", "F64", &[], 8), vec!["model.parameter_count=1"]),
        ("empty_tensor", safetensors().tensor("e", "F32", &[0, 7], 0), vec!["model.parameter_count=32"]),
        (
            "half_byte_elements",
            safetensors().empty().tensor("f", "F4", &[3, 5], 8),
            vec!["model.parameter_count=15"],
        ),
        (
            "adapter",
            safetensors().empty().tensor("q.lora_A.weight", "BF16", &[2, 4], 16).tensor(
                "q.lora_B.weight",
                "BF16",
                &[4, 2],
                16,
            ),
            vec!["model.role=adapter", "model.parameter_count=16"],
        ),
        (
            "names_and_licence_are_claimed",
            safetensors()
                .metadata("ss_base_model_version", "sdxl_base_v1-0")
                .metadata("modelspec.title", "A \"quoted\" name\nover two lines")
                .metadata("modelspec.license", "CC0-1.0"),
            vec![
                "model.name=A \"quoted\" name\nover two lines",
                "model.architecture=sdxl_base_v1-0",
                "model.claimed.modelspec.license=CC0-1.0",
            ],
        ),
    ] {
        check(name, &file.build(), &expected);
    }
}

#[test]
fn names_the_quantisation() {
    for (name, endings, expected) in [
        ("gptq", vec![".qweight", ".qzeros", ".scales", ".g_idx"], "gptq"),
        ("awq", vec![".qweight", ".qzeros", ".scales"], "awq"),
        ("compressed", vec![".weight_packed", ".weight_scale", ".weight_shape"], "compressed-tensors"),
        ("bitsandbytes", vec![".absmax", ".quant_map"], "bitsandbytes"),
        ("mxfp4", vec!["_blocks", "_scales"], "mxfp4"),
    ] {
        let file = endings
            .iter()
            .fold(safetensors(), |file, ending| file.tensor(&format!("layer{ending}"), "I32", &[2], 8));
        let scheme = format!("model.quantization={expected}");
        // Packed weights cannot be counted without another file.
        let elements = format!("model.hyperparameters.stored_elements={}", 32 + 2 * endings.len());
        check(name, &file.build(), &[&scheme, &elements, "no model.parameter_count"]);
    }
    let fp8 = safetensors().empty().tensor("w", "F8_E4M3", &[8], 8);
    check("fp8", &fp8.build(), &["model.quantization=fp8", "model.parameter_count=8"]);
}

#[test]
fn leaves_other_files_alone() {
    for (name, bytes) in [
        ("empty", Vec::new()),
        ("nothing_behind_the_length", vec![2, 0, 0, 0, 0, 0, 0, 0]),
        ("json_text", br#"{"name": {"a": 1}}"#.to_vec()),
        ("text_with_a_brace", b"settings{\"a\": 1}".to_vec()),
        ("brace_of_something_else", b"\x10\0\0\0\0\0\0\0{\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89".to_vec()),
    ] {
        check(name, &bytes, &["not ours"]);
    }
}

#[test]
fn survives_hostile_headers() {
    let huge = "[4294967296,4294967296,2]";
    for (name, file, expected) in [
        (
            "length_2_to_63",
            safetensors().header_length(1 << 63),
            vec!["! length-exceeds-file at offset 0: header length 9223372036854775808 exceeds file size"],
        ),
        (
            "length_past_end_by_one",
            safetensors().empty().header_length(3),
            vec!["! header length 3 exceeds file size 10"],
        ),
        ("cut_in_the_header", safetensors().cut(40), vec!["! exceeds file size 40", "no model.tensor_count"]),
        (
            "cut_in_the_data",
            safetensors().cut(300),
            vec!["model.parameter_count=32", "! tensor data ends at 338, past the file size of 300"],
        ),
        (
            "header_stops_early",
            safetensors().header(r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#),
            // What was complete is kept, what may be missing is not counted.
            vec![
                "model.dtype=F32",
                "no model.tensor_count",
                "! malformed-header at offset 61: the header is not JSON",
            ],
        ),
        (
            "two_objects",
            safetensors().empty().header("{}{}"),
            vec!["! malformed-header at offset 10: the header is not JSON"],
        ),
        (
            "not_utf8",
            safetensors().empty().header("{\"a\":1}").header_length(9).append(b"\xff\xff"),
            vec!["! malformed-header", "no model.tensor_count"],
        ),
        (
            "deep_json",
            safetensors().entry("deep", &format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))),
            vec!["model.tensor_count=3", "no model.parameter_count", "! malformed-header"],
        ),
        (
            "hole",
            safetensors().hole(7).tensor("late", "U8", &[1], 1),
            vec!["! hole at offset", "model.parameter_count=33"],
        ),
        ("overlap", safetensors().tensor_at("twin", "F32", &[4], 8, 24), vec!["! overlap at offset"]),
        (
            "trailing_zip",
            safetensors().append(b"PK\x03\x04 and so on"),
            vec!["! 14 bytes follow the last tensor"],
        ),
        (
            "duplicate_tensor",
            safetensors().empty().tensor("a", "U8", &[1], 1).tensor("a", "U8", &[1], 1),
            vec!["! duplicate-key at offset 65: key a appears twice"],
        ),
        (
            "duplicate_metadata",
            safetensors().metadata("format", "np"),
            vec!["! key format appears twice", "model.claimed.format=np"],
        ),
        (
            "metadata_is_a_list",
            safetensors().empty().entry("__metadata__", "[1]"),
            vec!["! __metadata__ is not an object of strings"],
        ),
        (
            "metadata_value_is_a_number",
            safetensors().empty().entry("__metadata__", r#"{"a":1,"b":"kept"}"#),
            vec!["! __metadata__ entry a is not a string", "model.claimed.b=kept"],
        ),
        (
            "backwards",
            safetensors().tensor_at("b", "U8", &[1], 9, 8),
            vec!["! tensor b ends at 8 before it starts at 9"],
        ),
        (
            "shape_and_bytes_disagree",
            safetensors().tensor("w", "F32", &[3], 8),
            vec!["! size-mismatch", "model.parameter_count=35"],
        ),
        (
            "shape_overflows",
            safetensors()
                .empty()
                .entry("w", &format!(r#"{{"dtype":"U8","shape":{huge},"data_offsets":[0,0]}}"#)),
            vec!["! arithmetic-overflow", "no model.parameter_count"],
        ),
        (
            "unknown_dtype",
            safetensors().tensor("w", "Q9_Z", &[4], 4),
            vec!["! unknown-type", "no model.parameter_count", "model.tensor_count=3"],
        ),
        (
            "negative_offset",
            safetensors().entry("w", r#"{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}"#),
            vec!["! malformed-header", "no model.parameter_count"],
        ),
        (
            "too_many_dimensions",
            safetensors().entry(
                "w",
                &format!(r#"{{"dtype":"U8","shape":[{}1],"data_offsets":[0,1]}}"#, "1,".repeat(64)),
            ),
            vec!["! more than 64 dimensions"],
        ),
        ("value_too_long_to_keep", safetensors().metadata("note", &"ü".repeat(3000)), vec!["! value-cut"]),
    ] {
        check(name, &file.build(), &expected);
    }
}

#[test]
fn stops_at_its_limits() {
    let file = safetensors().build();
    let limits = Limits::default();
    for (name, limits, expected) in [
        (
            "header_bytes",
            Limits { header_bytes: 16, ..limits.clone() },
            vec!["truncated=true", "! exceeds the limit of 16"],
        ),
        (
            "tensors",
            Limits { tensors: 1, ..limits.clone() },
            vec![
                "truncated=true",
                "no model.tensor_count",
                "no model.parameter_count",
                "! more than 1 tensors",
            ],
        ),
        ("entries", Limits { entries: 0, ..limits.clone() }, vec!["truncated=true", "! more than 0 entries"]),
        (
            "kept_bytes",
            Limits { kept_bytes: 200, ..limits.clone() },
            vec!["truncated=true", "! the budget of memory is spent"],
        ),
        (
            "read_bytes",
            Limits { read_bytes: 100, ..limits.clone() },
            vec!["truncated=true", "! the budget of bytes is spent"],
        ),
    ] {
        check_within(name, &file, &limits, &expected);
    }
    let noisy = (0..10).fold(safetensors(), |file, at| file.entry(&format!("bad{at}"), "0")).build();
    let limits = Limits { issues: 2, ..limits };
    check_within("issues", &noisy, &limits, &["! bad0", "! bad1", "! issues-dropped: 8 more issues"]);
}
