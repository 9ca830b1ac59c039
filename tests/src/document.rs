//! The OpenAPI document as the tests ask it: which operation is this, and may it answer that?

use std::sync::LazyLock;

use serde_json::Value;

use crate::schema;

/// One operation of the document.
#[derive(Clone, Debug)]
pub struct Documented {
    /// Operation id.
    pub id: String,
    /// Method in capitals.
    pub method: String,
    /// Path with templates, for example `/api/v1/cases/{id}`.
    pub path: String,
    /// The entry as it stands in the document.
    pub entry: Value,
}

/// The document that the server serves.
#[must_use]
pub fn openapi_document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> =
        LazyLock::new(|| serde_json::to_value(server::openapi::document()).unwrap());
    &DOCUMENT
}

/// Every operation of the document.
#[must_use]
pub fn documented() -> &'static [Documented] {
    static ALL: LazyLock<Vec<Documented>> = LazyLock::new(|| {
        let mut all = Vec::new();
        for (path, item) in openapi_document()["paths"].as_object().unwrap() {
            for method in ["get", "post", "put", "patch", "delete", "head", "options"] {
                if let Some(entry) = item.get(method) {
                    all.push(Documented {
                        id: entry["operationId"].as_str().unwrap_or_default().to_owned(),
                        method: method.to_uppercase(),
                        path: path.clone(),
                        entry: entry.clone(),
                    });
                }
            }
        }
        all
    });
    &ALL
}

impl Documented {
    /// Whether this operation answers requests for `path` (without query).
    fn fits(&self, path: &str) -> bool {
        let (known, asked): (Vec<_>, Vec<_>) =
            (self.path.split('/').collect(), path.split('/').collect());
        known.len() == asked.len()
            && known
                .iter()
                .zip(&asked)
                .all(|(known, asked)| known.starts_with('{') || known == asked)
    }
}

/// Where a path of a test leads: paths under `/api/v1` may be written without it.
pub(crate) fn full_path(path: &str) -> String {
    let bare = path.split('?').next().unwrap_or_default();
    let outside = documented().iter().any(|operation| operation.fits(bare));
    if outside || bare.starts_with("/api/") || bare.starts_with("/docs") {
        path.to_owned()
    } else {
        format!("/api/v1{path}")
    }
}

/// Fails unless the document says that this request may be answered with this status and this body.
#[track_caller]
pub(crate) fn assert_documented(method: &str, path: &str, status: u16, body: &[u8]) {
    let bare = path.split('?').next().unwrap_or_default();
    if bare.starts_with("/docs") || bare.ends_with("/openapi.json") {
        return;
    }
    let fitting = || documented().iter().filter(|operation| operation.fits(bare));
    // A literal segment wins over a template, as it does in the router.
    let operation = fitting()
        .filter(|operation| operation.method == method)
        .min_by_key(|operation| operation.path.matches('{').count());
    match operation {
        Some(operation) => {
            let (id, listed) =
                (&operation.id, operation.entry["responses"].get(status.to_string()));
            assert!(
                listed.is_some(),
                "{method} {path} answered {status}, which {id} does not list"
            );
            // HEAD is answered without a body, whatever it would be.
            if method != "HEAD"
                && let Some(fault) = schema::answer_fault(operation, status, body)
            {
                let body = String::from_utf8_lossy(body);
                panic!(
                    "{method} {path} answered {status} unlike the document of {id}: {fault} in {body}"
                );
            }
        }
        None if fitting().next().is_some() => {
            assert_eq!(status, 405, "{method} {path} is no operation, but the path is one");
        }
        None => assert_eq!(status, 404, "{method} {path} is no operation"),
    }
}
