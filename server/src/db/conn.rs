//! The connection that may be either engine's.

use diesel::{
    ConnectionResult, QueryResult,
    connection::{
        CacheSize, Connection, Instrumentation, LoadConnection, SimpleConnection,
        TransactionManager, TransactionManagerStatus,
    },
    expression::QueryMetadata,
    internal::derives::multiconnection::ConnectionSealed,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::Untyped,
};

/// A connection to one engine.
#[derive(diesel::MultiConnection)]
pub enum Native {
    /// PostgreSQL.
    Pg(diesel::PgConnection),
    /// SQLite.
    Sqlite(diesel::SqliteConnection),
}

type Both = <Native as Connection>::Backend;

/// One connection to whichever engine is in use.
///
/// It hands every query on to its [`Native`] as one and the same type. Otherwise everything that both
/// engines do with a query (build its text, look it up in the cache of statements, bind, run) would be
/// compiled anew for each of some four hundred queries: that was a third of the code of this crate.
pub struct Conn(Native);

impl Conn {
    /// A connection to one engine.
    #[must_use]
    pub fn new(native: Native) -> Self {
        Self(native)
    }

    /// The engine, for what only one of them can do.
    pub fn native(&mut self) -> &mut Native {
        &mut self.0
    }

    /// The engine's own connection.
    #[must_use]
    pub fn into_native(self) -> Native {
        self.0
    }
}

/// What builds text and bound values, whatever the query.
trait Build {
    fn build<'b>(&'b self, pass: AstPass<'_, 'b, Both>) -> QueryResult<()>;
}

impl<T: QueryFragment<Both>> Build for T {
    fn build<'b>(&'b self, pass: AstPass<'_, 'b, Both>) -> QueryResult<()> {
        self.walk_ast(pass)
    }
}

/// A query whose type is forgotten. Statements are found again by their text.
struct AnyQuery<B>(B);

impl QueryFragment<Both> for AnyQuery<Box<dyn Build + '_>> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, Both>) -> QueryResult<()> {
        self.0.build(pass)
    }
}

impl QueryFragment<Both> for AnyQuery<&dyn Build> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, Both>) -> QueryResult<()> {
        self.0.build(pass)
    }
}

impl<B> QueryId for AnyQuery<B> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<B> Query for AnyQuery<B> {
    // The caller reads rows by the types of the query it wrote; every engine answers without them.
    type SqlType = Untyped;
}

impl ConnectionSealed for Conn {}

impl SimpleConnection for Conn {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        self.0.batch_execute(query)
    }
}

impl Connection for Conn {
    type Backend = Both;
    type TransactionManager = Self;

    fn establish(url: &str) -> ConnectionResult<Self> {
        Native::establish(url).map(Self)
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Both> + QueryId,
    {
        let query: &dyn Build = source;
        self.0.execute_returning_count(&AnyQuery(query))
    }

    fn transaction_state(&mut self) -> &mut Self {
        self
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        self.0.instrumentation()
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.0.set_instrumentation(instrumentation);
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        self.0.set_prepared_statement_cache_size(size);
    }
}

impl LoadConnection for Conn {
    type Cursor<'conn, 'query> = <Native as LoadConnection>::Cursor<'conn, 'query>;
    type Row<'conn, 'query> = <Native as LoadConnection>::Row<'conn, 'query>;

    fn load<'conn, 'query, T>(
        &'conn mut self,
        source: T,
    ) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Both> + QueryId + 'query,
        Both: QueryMetadata<T::SqlType>,
    {
        load(&mut self.0, Box::new(source))
    }
}

/// Outside of the trait, whose bounds on the query's own type would get in the way here.
fn load<'conn, 'query>(
    native: &'conn mut Native,
    query: Box<dyn Build + 'query>,
) -> QueryResult<<Native as LoadConnection>::Cursor<'conn, 'query>> {
    LoadConnection::load(native, AnyQuery(query))
}

impl TransactionManager<Self> for Conn {
    type TransactionStateData = Self;

    fn begin_transaction(conn: &mut Self) -> QueryResult<()> {
        <Native as TransactionManager<Native>>::begin_transaction(&mut conn.0)
    }

    fn rollback_transaction(conn: &mut Self) -> QueryResult<()> {
        <Native as TransactionManager<Native>>::rollback_transaction(&mut conn.0)
    }

    fn commit_transaction(conn: &mut Self) -> QueryResult<()> {
        <Native as TransactionManager<Native>>::commit_transaction(&mut conn.0)
    }

    fn transaction_manager_status_mut(conn: &mut Self) -> &mut TransactionManagerStatus {
        <Native as TransactionManager<Native>>::transaction_manager_status_mut(&mut conn.0)
    }

    fn is_broken_transaction_manager(conn: &mut Self) -> bool {
        <Native as TransactionManager<Native>>::is_broken_transaction_manager(&mut conn.0)
    }
}
