//! Columns as the types that rules use. Rows read through these; filters and inserts take plain
//! `String` and `i64`.

use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    sql_types::{BigInt, Text},
};
use sync_core::{money::Fen, time::Instant};

/// An id in a text column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct Id<T>(pub T);

impl<T, DB> FromSql<Text, DB> for Id<T>
where
    DB: Backend,
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
    String: FromSql<Text, DB>,
{
    fn from_sql(raw: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(String::from_sql(raw)?.parse()?))
    }
}

/// An instant in a column of milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, FromSqlRow)]
#[diesel(sql_type = BigInt)]
pub struct Ms(pub Instant);

impl<DB> FromSql<BigInt, DB> for Ms
where
    DB: Backend,
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(raw: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Instant(i64::from_sql(raw)?)))
    }
}

/// An amount in a column of fen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, FromSqlRow)]
#[diesel(sql_type = BigInt)]
pub struct Money(pub Fen);

impl<DB> FromSql<BigInt, DB> for Money
where
    DB: Backend,
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(raw: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Fen(i64::from_sql(raw)?)))
    }
}

/// A JSON document in a text column.
#[derive(Clone, Debug, PartialEq, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct Json(pub serde_json::Value);

impl<DB> FromSql<Text, DB> for Json
where
    DB: Backend,
    String: FromSql<Text, DB>,
{
    fn from_sql(raw: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(serde_json::from_str(&String::from_sql(raw)?)?))
    }
}
