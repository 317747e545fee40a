//! Data table: the kernels that are tried. Each is one Debian package, pinned by version and digest.
//!
//! A pinned version leaves the pools one day. Then the newest of the same series takes its place for that run, with a
//! note on the terminal and on the page, and the row here is to be changed by hand: never in silence.

use super::processor::Processor;

/// One row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kernel {
    /// What `--kernel` and the page call it.
    pub(super) series: &'static str,
    pub(super) processor: Processor,
    pub(super) package: &'static str,
    pub(super) version: &'static str,
    /// The package's place, from its archive on.
    pub(super) url: &'static str,
    pub(super) sha256: &'static str,
    /// (archive, suite) in which a newer one is looked for.
    pub(super) suites: &'static [(&'static str, &'static str)],
    /// What the names of all packages of the series begin and end with.
    pub(super) names: (&'static str, &'static str),
}

const DEBIAN: &str = "http://deb.debian.org/debian";
const SECURITY: &str = "http://deb.debian.org/debian-security";
const CLOUD: &str = "-cloud-amd64";
const CLOUD_ARM: &str = "-cloud-arm64";

/// The one that every test run boots: of those that take both tiers, the smallest.
pub(super) const EVERY_RUN: &str = "6.1";

pub(super) const KERNELS: &[Kernel] = &[
    Kernel {
        series: "5.10",
        processor: Processor::Amd64,
        package: "linux-image-5.10.0-46-cloud-amd64",
        version: "5.10.262-1",
        url: "http://deb.debian.org/debian-security/pool/updates/main/l/linux-signed-amd64/linux-image-5.10.0-46-cloud-amd64_5.10.262-1_amd64.deb",
        sha256: "18d94781d1b3052e21967ac2262239e5f14fbf511d6c3e110629d7aa35340760",
        suites: &[(SECURITY, "bullseye-security"), (DEBIAN, "bullseye")],
        names: ("linux-image-5.10.", CLOUD),
    },
    Kernel {
        series: "6.1",
        processor: Processor::Amd64,
        package: "linux-image-6.1.0-50-cloud-amd64",
        version: "6.1.176-1",
        url: "http://deb.debian.org/debian/pool/main/l/linux-signed-amd64/linux-image-6.1.0-50-cloud-amd64_6.1.176-1_amd64.deb",
        sha256: "efe19f605b6f54a8352e68d85a629abb2d30b72a085faef603a9152590baa791",
        suites: &[(DEBIAN, "bookworm"), (SECURITY, "bookworm-security")],
        names: ("linux-image-6.1.", CLOUD),
    },
    Kernel {
        series: "6.12",
        processor: Processor::Amd64,
        package: "linux-image-6.12.107+deb13-cloud-amd64",
        version: "6.12.107-1",
        url: "http://deb.debian.org/debian/pool/main/l/linux-signed-amd64/linux-image-6.12.107+deb13-cloud-amd64_6.12.107-1_amd64.deb",
        sha256: "04434ff520f860423eafe4203d986a35682ce73c2f71baa39e988ca0da93ac91",
        suites: &[(DEBIAN, "trixie"), (DEBIAN, "bookworm-backports")],
        names: ("linux-image-6.12.", CLOUD),
    },
    Kernel {
        series: "7",
        processor: Processor::Amd64,
        // Where kernels are signed, the image itself lies in `linux-binary-*`.
        package: "linux-binary-7.2.13+deb14-cloud-amd64",
        version: "7.2.13-1",
        url: "http://deb.debian.org/debian/pool/main/l/linux-signed-amd64/linux-binary-7.2.13+deb14-cloud-amd64_7.2.13-1_amd64.deb",
        sha256: "03e41f1c34c16583462f029e81944a85ebcdb78098c258dedfa1cfdd680a27f8",
        suites: &[(DEBIAN, "sid")],
        names: ("linux-binary-7.", CLOUD),
    },
    Kernel {
        series: "6.1-arm64",
        processor: Processor::Arm64,
        package: "linux-image-6.1.0-50-cloud-arm64",
        version: "6.1.176-1",
        url: "http://deb.debian.org/debian/pool/main/l/linux-signed-arm64/linux-image-6.1.0-50-cloud-arm64_6.1.176-1_arm64.deb",
        sha256: "9d41a53f5d687ae1a33cf546d0ed8be955f72e5f9e97b2b4e45e41dff3353b97",
        suites: &[(DEBIAN, "bookworm"), (SECURITY, "bookworm-security")],
        names: ("linux-image-6.1.", CLOUD_ARM),
    },
    Kernel {
        series: "6.12-arm64",
        processor: Processor::Arm64,
        package: "linux-image-6.12.117+deb13-cloud-arm64",
        version: "6.12.117-1",
        url: "http://deb.debian.org/debian/pool/main/l/linux-signed-arm64/linux-image-6.12.117+deb13-cloud-arm64_6.12.117-1_arm64.deb",
        sha256: "cc33e288505c3271539beab498aeb4f25e27b8f7c0c49ddb6c506b6d3c50c22f",
        suites: &[(DEBIAN, "trixie"), (DEBIAN, "bookworm-backports")],
        names: ("linux-image-6.12.", CLOUD_ARM),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_agree_with_themselves() {
        for kernel in KERNELS {
            let (start, end) = kernel.names;
            assert!(kernel.package.starts_with(start) && kernel.package.ends_with(end), "{kernel:?}");
            let file = format!("{}_{}_{}.deb", kernel.package, kernel.version, kernel.processor);
            assert!(kernel.url.ends_with(&file) && end.ends_with(kernel.processor.debian()), "{kernel:?}");
            let series = kernel.series.split('-').next().expect("a first part");
            assert!(kernel.version.starts_with(series), "{kernel:?}");
            assert!(
                kernel.sha256.len() == 64 && kernel.sha256.bytes().all(|b| b.is_ascii_hexdigit()),
                "{kernel:?}"
            );
        }
        assert!(KERNELS.iter().any(|kernel| kernel.series == EVERY_RUN));
    }
}
