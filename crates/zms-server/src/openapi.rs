//! The description of the API, made from the code. `docs/openapi.json` is a copy of it.

use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, SecurityScheme},
};

use crate::{
    engine::{audit, bundle, changes, commits, register},
    gateway::routes,
    health, problem,
};

/// All routes of the engine.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "ZMS engine",
        description = "Keeps sealed vaults that it can not open. Requests are signed (RFC 9421) as spec/engine.md says.",
    ),
    paths(
        register::post,
        bundle::get,
        commits::post,
        changes::get,
        audit::post,
        audit::get,
        audit::chains,
        health::live,
        health::ready,
        health::metrics,
        health::description,
        routes::all,
        routes::one,
        routes::put,
        routes::remove,
    ),
    components(schemas(problem::Shown)),
    modifiers(&Signed),
    tags(
        (name = "engine", description = "Signed; ciphertext only"),
        (name = "gateway", description = "With a whole token; Vault's own routes are in docs/vault.md"),
        (name = "operation", description = "Not signed; nothing of any vault"),
    )
)]
pub struct Document;

/// The three headers that sign a request, and the one that carries a token.
struct Signed;

impl Modify for Signed {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let value = ApiKeyValue::with_description(
            "Signature",
            "HMAC-SHA256 under the caller's request key, with Content-Digest and Signature-Input: \
             spec/engine.md#requests",
        );
        let scheme = SecurityScheme::ApiKey(ApiKey::Header(value));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("signature", scheme);
        let value = ApiKeyValue::with_description("X-ZMS-Token", "The whole token");
        let scheme = SecurityScheme::ApiKey(ApiKey::Header(value));
        components.add_security_scheme("token", scheme);
    }
}
