//! The messages of the phone in CBOR: JSON values, but bytes are byte strings instead of base64 text,
//! which is a quarter less and packs better.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ciborium::Value as Cbor;
use serde_json::{Map, Number, Value};

/// The deepest nesting that is read.
const DEPTH: usize = 32;

/// Why bytes are not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CborFault {
    /// Not CBOR, too deep, or followed by other bytes.
    #[error("the bytes are not one CBOR item")]
    Malformed,
    /// A tag, a key that is no text, a number that JSON cannot hold.
    #[error("{0} has no place in a message")]
    Foreign(&'static str),
}

/// Reads CBOR as the JSON value it stands for; byte strings become base64 (standard, padded).
///
/// # Errors
/// [`CborFault`].
pub fn to_json(mut bytes: &[u8]) -> Result<Value, CborFault> {
    let item = ciborium::de::from_reader_with_recursion_limit(&mut bytes, DEPTH)
        .map_err(|_| CborFault::Malformed)?;
    if bytes.is_empty() { json(item) } else { Err(CborFault::Malformed) }
}

fn json(item: Cbor) -> Result<Value, CborFault> {
    Ok(match item {
        Cbor::Null => Value::Null,
        Cbor::Bool(yes) => Value::Bool(yes),
        Cbor::Integer(n) => {
            let n = i128::from(n);
            let number = i64::try_from(n).map(Number::from);
            let number = number.or_else(|_| u64::try_from(n).map(Number::from));
            Value::Number(number.map_err(|_| CborFault::Foreign("a number of that size"))?)
        }
        Cbor::Float(n) => {
            Value::Number(Number::from_f64(n).ok_or(CborFault::Foreign("not a number"))?)
        }
        Cbor::Text(text) => Value::String(text),
        Cbor::Bytes(bytes) => Value::String(BASE64.encode(bytes)),
        Cbor::Array(items) => Value::Array(items.into_iter().map(json).collect::<Result<_, _>>()?),
        Cbor::Map(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let Cbor::Text(key) = key else {
                    return Err(CborFault::Foreign("a key that is no text"));
                };
                if object.insert(key, json(value)?).is_some() {
                    return Err(CborFault::Foreign("a key that stands there twice"));
                }
            }
            Value::Object(object)
        }
        _ => return Err(CborFault::Foreign("a tag")),
    })
}

/// Writes a message as CBOR. Changes (`changes`: [...]) and documents (`snapshot`) become byte strings.
///
/// # Errors
/// [`CborFault::Foreign`] for a number that CBOR cannot hold.
pub fn of_json(value: &Value) -> Result<Vec<u8>, CborFault> {
    let mut bytes = Vec::new();
    ciborium::into_writer(&cbor(value, "")?, &mut bytes)
        .map_err(|_| CborFault::Foreign("this value"))?;
    Ok(bytes)
}

fn cbor(value: &Value, key: &str) -> Result<Cbor, CborFault> {
    Ok(match value {
        Value::Null => Cbor::Null,
        Value::Bool(yes) => Cbor::Bool(*yes),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(n), _, _) => Cbor::Integer(n.into()),
            (_, Some(n), _) => Cbor::Integer(n.into()),
            (_, _, Some(n)) => Cbor::Float(n),
            _ => return Err(CborFault::Foreign("a number of that size")),
        },
        Value::String(text) if key == "snapshot" => bytes_or_text(text),
        Value::String(text) => Cbor::Text(text.clone()),
        Value::Array(items) => {
            let item = |item: &Value| match item {
                Value::String(text) if key == "changes" => Ok(bytes_or_text(text)),
                // A list of lists holds no changes.
                other => cbor(other, ""),
            };
            Cbor::Array(items.iter().map(item).collect::<Result<_, _>>()?)
        }
        Value::Object(object) => {
            let entry =
                |(key, value): (&String, &Value)| Ok((Cbor::Text(key.clone()), cbor(value, key)?));
            Cbor::Map(object.iter().map(entry).collect::<Result<_, _>>()?)
        }
    })
}

/// What is no base64 is refused where it is read, with its name.
fn bytes_or_text(text: &str) -> Cbor {
    BASE64.decode(text).map_or_else(|_| Cbor::Text(text.to_owned()), Cbor::Bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_survives_and_its_bytes_are_bytes() {
        let message = json!({
            "epoch": 1, "cursor": u64::MAX, "offset": -5, "share": 0.5, "none": null,
            "changes": ["AAEC", "not base64!", 7], "pull": { "snapshot": "AAEC", "more": false },
            "place": "AAEC", "nested": [["AAEC"]],
        });
        let bytes = of_json(&message).unwrap();
        assert_eq!(to_json(&bytes).unwrap(), message);
        let raw = |bytes: &[u8]| bytes.windows(4).filter(|w| *w == [0x43, 0, 1, 2]).count();
        assert_eq!(raw(&bytes), 2, "one change and the snapshot");
    }

    #[test]
    fn what_is_no_message_is_refused_without_being_built() {
        let deep = [vec![0x81; 64], vec![0x00]].concat();
        // An array and a byte string that announce far more than they hold.
        let (wide, long) = ([0x9b, 0xff, 0, 0, 0, 0, 0, 0, 0], [0x5b, 0, 0, 0, 9, 0, 0, 0, 0]);
        for bytes in [&[][..], &deep, &wide, &long, &[0x00, 0x00], &[0xff], &[0x62, 0xff, 0xfe]] {
            assert_eq!(to_json(bytes), Err(CborFault::Malformed), "{bytes:x?}");
        }
        for bytes in [
            &[0xc0, 0x60][..],
            &[0xa1, 0x00, 0x00],
            &[0xa2, 0x60, 0x00, 0x60, 0x00],
            &[0xf9, 0x7e, 0x00],
            &[0x3b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert!(matches!(to_json(bytes), Err(CborFault::Foreign(_))), "{bytes:x?}");
        }
    }
}
