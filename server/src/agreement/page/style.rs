//! The page's style and the policy that lets the browser take this style and nothing else.

use std::sync::LazyLock;

use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

/// Works from 320 px on; follows the colours that the phone prefers.
pub(super) const CSS: &str = "\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:0 auto;padding:.75em;overflow-wrap:anywhere}\
h1{font-size:1.4em;margin:.3em 0}h2{font-size:1.1em;margin:1.2em 0 .3em}\
nav{text-align:right}dl{display:grid;grid-template-columns:auto 1fr;gap:.1em .8em;margin:0}dt{opacity:.75}dd{margin:0}\
table{width:100%;border-collapse:collapse}th{text-align:left;font-weight:normal}\
td,thead th:last-child{text-align:right}td{white-space:nowrap;vertical-align:top}td[lang]{white-space:normal}\
tr{border-bottom:1px solid #8886}thead th,.sum>*,tfoot th{font-weight:bold}\
small{display:block;opacity:.75}h2 small{display:inline}th p{margin:0}\
.tick{padding:.4em 0}.tick input{width:1.5em;min-height:1.5em;vertical-align:middle}summary{padding:.7em 0;min-height:24px}\
.note{border-left:4px solid #2a7;padding:.4em .8em}.bad{border-color:#c33}\
label{display:block;margin:.5em 0}input,select,textarea,button{font:inherit;width:100%;box-sizing:border-box;padding:.6em;min-height:44px}\
button{margin:.5em 0}.main{font-weight:bold}footer{margin:2em 0 1em}";

/// Nothing is loaded from anywhere; forms go back to where the page came from.
pub(in crate::agreement) fn content_security_policy() -> &'static str {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let hash = BASE64_STANDARD.encode(Sha256::digest(CSS.as_bytes()));
        format!(
            "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'"
        )
    });
    &POLICY
}
