//! Data table: which fields of which documents declare what. docs/declared.md is made from it, and the readers name
//! what they found by these rows.

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The documents it stands in.
    pub of: &'static str,
    /// The field, as an origin names it.
    pub name: &'static str,
    /// What it declares.
    pub declares: &'static str,
}

macro_rules! fields {
    ($($constant:ident: $of:literal, $name:literal, $declares:literal;)*) => {
        $(
            #[doc = $declares]
            pub(crate) const $constant: Field = Field { of: $of, name: $name, declares: $declares };
        )*
        /// Every row.
        pub const ALL: &[Field] = &[$($constant),*];
    };
}

fields! {
    IMAGE: "pod", "containers[].image", "image, by digest if it has one; without a digest `image-unpinned`";
    ENV: "pod", "containers[].env", "see the variables below; any other value that is a URL: endpoint";
    ENV_FROM: "pod", "containers[].envFrom", "every key of a ConfigMap of the input, as a variable; of a Secret only that it is used";
    COMMAND: "pod", "containers[].command, args", "see the arguments below; any other word that is a URL: endpoint; `$(NAME)` is replaced where NAME is known";
    VOLUME_IMAGE: "pod", "volumes[].image", "OCI image volume: model in the folder it is mounted to";
    VOLUME_CSI: "pod", "volumes[].csi", "model store of a CSI driver whose attributes name a model";
    VOLUME_CONFIG: "pod", "volumes[].configMap", "the settings in its files: LiteLLM, MCP servers, `aibom.yaml`";
    ANNOTATION: "pod", "metadata.annotations aibom/declaration", "a workload of `aibom.yaml`, for this workload";
    DEVICE: "pod", "containers[].resources.limits", "accelerator: `nvidia.com/gpu`, `amd.com/gpu`, `google.com/tpu`, …";
    CONFIG_LITELLM: "ConfigMap", "model_list[].litellm_params", "LiteLLM: model by provider, and endpoint of `api_base`";
    LITELLM_FILE: "LiteLLM proxy configuration", "model_list[].litellm_params", "a file of its own: the same, for a workload named after its folder";
    CONFIG_MCP: "ConfigMap", "mcpServers", "MCP servers, as in a client's configuration";
    KSERVE_MODEL: "InferenceService", "spec.predictor.model.storageUri", "model; `storage.path`, `args` and `env` beside it as in a container";
    KSERVE_MANY: "InferenceService", "spec.predictor.storageUris[].uri", "model; also beside `model` and in it";
    KSERVE_TRAINED: "TrainedModel", "spec.model.storageUri", "model of the InferenceService that it names";
    KSERVE_RUNTIME: "InferenceService", "spec.predictor.model.runtime", "the containers of the ServingRuntime of the input";
    KSERVE_OLD: "InferenceService", "spec.predictor.<framework>.storageUri", "model of the older form";
    KSERVE_LLM: "LLMInferenceService", "spec.model.uri", "model; `spec.model.lora.adapters[].uri`: adapters";
    KAGENT_MODEL: "kagent ModelConfig", "spec.model", "model at a provider, and the provider's endpoint (`baseUrl` if it is given)";
    KAGENT_TOOLS: "kagent Agent", "spec.declarative.tools[].mcpServer", "MCP server";
    KAGENT_MCP: "kagent MCPServer, RemoteMCPServer", "spec", "MCP server: the package that is started, or the URL";
    RAY_GROUP: "RayCluster, RayJob, RayService", "headGroupSpec, workerGroupSpecs[]", "the containers of the pod templates";
    RAY_LLM: "RayService", "serveConfigV2", "`llm_configs[].model_loading_config.model_id` and `model_source`: model";
    CILIUM: "CiliumNetworkPolicy", "spec.egress[].toFQDNs", "endpoints that are permitted: `matchName`, `matchPattern`";
    NETWORK: "NetworkPolicy", "spec.egress[].to[].ipBlock", "addresses that are permitted; one that is called outside of them: `egress-not-permitted`";
    ISTIO_ENTRY: "Istio ServiceEntry", "spec.hosts", "endpoints that are permitted in the namespace";
    ISTIO_POLICY: "Istio AuthorizationPolicy", "spec.rules[].to[].operation.hosts", "endpoints that are permitted in the namespace";
    COMPOSE_SERVICE: "Compose", "services.<name>", "`image`, `command`, `entrypoint`, `environment`, `volumes` as in a pod";
    COMPOSE_MODEL: "Compose", "models.<name>.model", "model; for the services that list it";
    MCP_SERVER: "MCP client configuration", "mcpServers.<name>", "MCP server: `command` and `args`, or the endpoint of `url`; `env` as in a container";
    DECLARED: "aibom.yaml", "workloads[]", "what it says; it stands above everything else here";
    DOCUMENT: "CycloneDX", "components[], services[]", "each by its type";
    SPDX: "SPDX", "packages[], files[]", "each by its purpose";
}
