//! Which release of an accelerator's software a library is of, as far as its own numbers say.
//!
//! The number in a soname is that of the interface, and each maker counts in his own way: every CUDA 11 has a
//! `libcudart.so.11.0`, and the cuFFT of CUDA 12 is `libcufft.so.11`. So each row says what may be read out of it.

use std::{collections::BTreeSet, fmt};

use super::{
    versions::{self, stem},
    view::VersionSource,
};
use crate::{metadata::ElfMetadata, path::SeenPath};

/// What the numbers of a library say about the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    /// They are the product's; of a short soname, the first alone.
    Own,
    /// The first is the product's, what follows counts the library's own builds.
    First,
    /// They are the product's where a file name goes on behind the soname.
    FileName,
    /// The last of a longer file name is ROCm's release: 60203 is 6.2.3 (`ROCM_LIBPATCH_VERSION` of its build).
    RocmPatch,
    /// The library counts for itself.
    None,
}

use Numbers::{FileName, First, None as Nothing, Own, RocmPatch};

/// Beginning of the soname without its end, product, and what its numbers are. The longest beginning holds.
const PRODUCTS: &[(&str, &str, Numbers)] = &[
    ("libMIOpen", "ROCm", RocmPatch),
    ("libamdhip64", "HIP", Own),
    ("libcublas", "CUDA", First),
    ("libcuda", "NVIDIA driver", FileName),
    ("libcudart", "CUDA", Own),
    ("libcudnn", "cuDNN", Own),
    ("libcufft", "CUDA", Nothing),
    ("libcurand", "CUDA", Nothing),
    ("libcusolver", "CUDA", Nothing),
    ("libcusparse", "CUDA", Nothing),
    ("libdnnl", "oneDNN", Own),
    ("libhipblas", "ROCm", RocmPatch),
    ("libhsa-runtime64", "ROCm", RocmPatch),
    ("libnccl", "NCCL", Own),
    ("libnvJitLink", "CUDA", First),
    ("libnvidia-ml", "NVIDIA driver", FileName),
    ("libnvinfer", "TensorRT", Own),
    ("libnvonnxparser", "TensorRT", Own),
    ("libnvrtc", "CUDA", First),
    ("librccl", "ROCm", RocmPatch),
    ("librocblas", "ROCm", RocmPatch),
];

/// A product, and its version as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Product {
    pub name: &'static str,
    pub version: Option<String>,
}

impl fmt::Display for Product {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)?;
        self.version.iter().try_for_each(|version| write!(formatter, " {version}"))
    }
}

/// What a library is of, by its own soname; the file's name alone makes it nothing.
pub fn product(elf: &ElfMetadata, paths: &BTreeSet<&SeenPath>) -> Option<Product> {
    let stem = stem(elf.soname.as_deref()?);
    let rows = PRODUCTS.iter().filter(|(start, ..)| starts(stem, start));
    let &(_, name, numbers) = rows.max_by_key(|(start, ..)| start.len())?;
    let found =
        versions::of(elf, paths).filter(|(version, _)| version.starts_with(|it: char| it.is_ascii_digit()));
    let version = found.and_then(|(version, source)| {
        let first = || version.split('.').next().map(str::to_owned);
        let long = source == VersionSource::FileName || version.matches('.').count() >= 2;
        match numbers {
            // Of whoever packaged it, which need not be the maker's.
            _ if source == VersionSource::PackageNote => None,
            Own if long => Some(version),
            Own | First => first(),
            FileName => long.then_some(version),
            RocmPatch => version.rsplit('.').next().filter(|_| long).and_then(release),
            Nothing => None,
        }
    });
    Some(Product { name, version })
}

/// `libcudnn_ops`, `libcublasLt` and `libnvrtc-builtins` belong to the row of their beginning, `libcudacxx` to none.
fn starts(stem: &str, start: &str) -> bool {
    stem.strip_prefix(start).is_some_and(|rest| match start {
        "libcuda" => rest.is_empty(),
        _ => !rest.starts_with(|it: char| it.is_ascii_digit()),
    })
}

/// 60203 is 6.2.3.
fn release(patch: &str) -> Option<String> {
    let number: u32 = patch.parse().ok().filter(|number| (30_000..1_000_000).contains(number))?;
    Some(format!("{}.{}.{}", number / 10_000, number / 100 % 100, number % 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted() {
        assert!(PRODUCTS.is_sorted_by(|(one, ..), (other, ..)| one < other));
    }
}
