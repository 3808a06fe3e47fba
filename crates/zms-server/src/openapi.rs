//! The description of the API, made from the code. `docs/openapi.json` is a copy of it.

use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, SecurityScheme},
};

use crate::{
    engine::{audit, bundle, changes, commits, register},
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
    ),
    components(schemas(problem::Shown)),
    modifiers(&Signed),
    tags(
        (name = "engine", description = "Signed; ciphertext only"),
        (name = "operation", description = "Not signed; nothing of any vault"),
    )
)]
pub struct Document;

/// The three headers that sign a request.
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
    }
}
