//! The closed vocabularies of CycloneDX, as enums, so that a wrong word cannot be built.
//!
//! Each list is the union over 1.5, 1.6 and 1.7; `loss.rs` knows which words an older version lacks.

/// Declares an enum whose variants are words of the specification, with both directions of the mapping.
macro_rules! terms {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident => $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$word_doc])* #[doc = concat!("`", $word, "`")] $variant,)+
        }

        impl $name {
            /// Every word, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word as the specification spells it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// The variant for a word, or `None` if the word is not of this vocabulary.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

terms! {
    /// The versions we write. Ordered, so that `version >= SpecVersion::V1_6` reads as it should.
    SpecVersion {
        V1_5 => "1.5",
        V1_6 => "1.6",
        V1_7 => "1.7",
    }
}

impl Default for SpecVersion {
    /// 1.6: the first with identity arrays and rich occurrences, and the newest that common consumers take.
    fn default() -> Self {
        Self::V1_6
    }
}

terms! {
    /// `component.type`.
    ComponentKind {
        Application => "application",
        Framework => "framework",
        Library => "library",
        Container => "container",
        Platform => "platform",
        OperatingSystem => "operating-system",
        Device => "device",
        DeviceDriver => "device-driver",
        Firmware => "firmware",
        File => "file",
        MachineLearningModel => "machine-learning-model",
        Data => "data",
        /// Since 1.6.
        CryptographicAsset => "cryptographic-asset",
    }
}

terms! {
    /// `hashes[].alg`.
    HashAlgorithm {
        Md5 => "MD5",
        Sha1 => "SHA-1",
        Sha256 => "SHA-256",
        Sha384 => "SHA-384",
        Sha512 => "SHA-512",
        Sha3_256 => "SHA3-256",
        Sha3_384 => "SHA3-384",
        Sha3_512 => "SHA3-512",
        Blake2b256 => "BLAKE2b-256",
        Blake2b384 => "BLAKE2b-384",
        Blake2b512 => "BLAKE2b-512",
        Blake3 => "BLAKE3",
    }
}

terms! {
    /// `evidence.identity[].field`: the part of the identity that the evidence speaks of.
    IdentityField {
        Group => "group",
        Name => "name",
        Version => "version",
        Purl => "purl",
        Cpe => "cpe",
        Swid => "swid",
        Hash => "hash",
        /// Since 1.6.
        OmniborId => "omniborId",
        /// Since 1.6.
        Swhid => "swhid",
    }
}

terms! {
    /// `evidence.identity[].methods[].technique`: how the value was found.
    Technique {
        SourceCodeAnalysis => "source-code-analysis",
        BinaryAnalysis => "binary-analysis",
        ManifestAnalysis => "manifest-analysis",
        AstFingerprint => "ast-fingerprint",
        HashComparison => "hash-comparison",
        Instrumentation => "instrumentation",
        DynamicAnalysis => "dynamic-analysis",
        Filename => "filename",
        Attestation => "attestation",
        Other => "other",
    }
}

terms! {
    /// `metadata.lifecycles[].phase`.
    Phase {
        Design => "design",
        PreBuild => "pre-build",
        Build => "build",
        PostBuild => "post-build",
        Operations => "operations",
        Discovery => "discovery",
        Decommission => "decommission",
    }
}

terms! {
    /// `compositions[].aggregate`.
    Aggregate {
        Complete => "complete",
        Incomplete => "incomplete",
        IncompleteFirstPartyOnly => "incomplete_first_party_only",
        IncompleteFirstPartyProprietaryOnly => "incomplete_first_party_proprietary_only",
        IncompleteFirstPartyOpensourceOnly => "incomplete_first_party_opensource_only",
        IncompleteThirdPartyOnly => "incomplete_third_party_only",
        IncompleteThirdPartyProprietaryOnly => "incomplete_third_party_proprietary_only",
        IncompleteThirdPartyOpensourceOnly => "incomplete_third_party_opensource_only",
        Unknown => "unknown",
        NotSpecified => "not_specified",
    }
}

terms! {
    /// `services[].data[].flow`, seen from the service: a prompt is inbound, its completion outbound.
    Flow {
        Inbound => "inbound",
        Outbound => "outbound",
        BiDirectional => "bi-directional",
        Unknown => "unknown",
    }
}

terms! {
    /// `modelCard.modelParameters.approach.type`.
    Approach {
        Supervised => "supervised",
        Unsupervised => "unsupervised",
        ReinforcementLearning => "reinforcement-learning",
        SemiSupervised => "semi-supervised",
        SelfSupervised => "self-supervised",
    }
}

terms! {
    /// `licenses[].license.acknowledgement` (since 1.6): said by the author, or concluded by an analysis.
    Acknowledgement {
        Declared => "declared",
        Concluded => "concluded",
    }
}

terms! {
    /// `formulation[].workflows[].taskTypes[]`.
    TaskType {
        Copy => "copy",
        Clone => "clone",
        Lint => "lint",
        Scan => "scan",
        Merge => "merge",
        Build => "build",
        Test => "test",
        Deliver => "deliver",
        Deploy => "deploy",
        Release => "release",
        Clean => "clean",
        Other => "other",
    }
}

terms! {
    /// `externalReferences[].type`.
    ExternalReferenceKind {
        Vcs => "vcs",
        IssueTracker => "issue-tracker",
        Website => "website",
        Advisories => "advisories",
        Bom => "bom",
        MailingList => "mailing-list",
        Social => "social",
        Chat => "chat",
        Documentation => "documentation",
        Support => "support",
        /// Since 1.6.
        SourceDistribution => "source-distribution",
        Distribution => "distribution",
        DistributionIntake => "distribution-intake",
        License => "license",
        BuildMeta => "build-meta",
        BuildSystem => "build-system",
        ReleaseNotes => "release-notes",
        SecurityContact => "security-contact",
        ModelCard => "model-card",
        Log => "log",
        Configuration => "configuration",
        Evidence => "evidence",
        Formulation => "formulation",
        Attestation => "attestation",
        ThreatModel => "threat-model",
        AdversaryModel => "adversary-model",
        RiskAssessment => "risk-assessment",
        VulnerabilityAssertion => "vulnerability-assertion",
        ExploitabilityStatement => "exploitability-statement",
        PentestReport => "pentest-report",
        StaticAnalysisReport => "static-analysis-report",
        DynamicAnalysisReport => "dynamic-analysis-report",
        RuntimeAnalysisReport => "runtime-analysis-report",
        ComponentAnalysisReport => "component-analysis-report",
        MaturityReport => "maturity-report",
        CertificationReport => "certification-report",
        CodifiedInfrastructure => "codified-infrastructure",
        QualityMetrics => "quality-metrics",
        Poam => "poam",
        /// Since 1.6.
        ElectronicSignature => "electronic-signature",
        /// Since 1.6.
        DigitalSignature => "digital-signature",
        /// Since 1.6.
        Rfc9116 => "rfc-9116",
        /// Since 1.7.
        Patent => "patent",
        /// Since 1.7.
        PatentFamily => "patent-family",
        /// Since 1.7.
        PatentAssertion => "patent-assertion",
        /// Since 1.7.
        Citation => "citation",
        Other => "other",
    }
}

impl ComponentKind {
    /// The first version whose schema knows the word.
    pub const fn since(self) -> SpecVersion {
        match self {
            Self::Application
            | Self::Framework
            | Self::Library
            | Self::Container
            | Self::Platform
            | Self::OperatingSystem
            | Self::Device
            | Self::DeviceDriver
            | Self::Firmware
            | Self::File
            | Self::MachineLearningModel
            | Self::Data => SpecVersion::V1_5,
            Self::CryptographicAsset => SpecVersion::V1_6,
        }
    }

    /// The word for a version; a kind that the version lacks is written as `data`, and `loss.rs` says so.
    pub(super) fn word_in(self, version: SpecVersion) -> &'static str {
        if self.since() <= version { self.as_str() } else { Self::Data.as_str() }
    }
}

impl IdentityField {
    /// The first version whose schema knows the word.
    pub const fn since(self) -> SpecVersion {
        match self {
            Self::Group | Self::Name | Self::Version | Self::Purl | Self::Cpe | Self::Swid | Self::Hash => {
                SpecVersion::V1_5
            }
            Self::OmniborId | Self::Swhid => SpecVersion::V1_6,
        }
    }
}

impl ExternalReferenceKind {
    /// The first version whose schema knows the word.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the list of 1.5 is the long rest, and it is closed")]
    pub const fn since(self) -> SpecVersion {
        match self {
            Self::SourceDistribution | Self::ElectronicSignature | Self::DigitalSignature | Self::Rfc9116 => {
                SpecVersion::V1_6
            }
            Self::Patent | Self::PatentFamily | Self::PatentAssertion | Self::Citation => SpecVersion::V1_7,
            _ => SpecVersion::V1_5,
        }
    }

    /// The word for a version; a kind that the version lacks is written as `other`, and `loss.rs` says so.
    pub(super) fn word_in(self, version: SpecVersion) -> &'static str {
        if self.since() <= version { self.as_str() } else { Self::Other.as_str() }
    }
}
