//! Guards: both databases have the same shape, the shape that the code reads, and every migration
//! has a way back.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use diesel::{QueryableByName, RunQueryDsl, sql_types::Text};
use diesel_migrations::MigrationHarness;
use server::db::{Conn, Native, migrate, open};
use tests::{Engine, Scratch, TestApp, binary::repository};

/// What both engines must agree about.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shape {
    /// Table and column: kind and whether it may be absent.
    columns: BTreeMap<String, String>,
    /// Tables with the columns of each key, the primary one marked.
    keys: BTreeSet<String>,
    /// Columns that name a row of another table.
    references: BTreeSet<String>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    a: String,
    #[diesel(sql_type = Text)]
    b: String,
    #[diesel(sql_type = Text)]
    c: String,
}

const SQLITE_COLUMNS: &str = "
    SELECT m.name || '.' || c.name AS a, c.type AS b,
           CASE WHEN c.\"notnull\" = 1 THEN '' ELSE ' or nothing' END AS c
    FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'";
const POSTGRES_COLUMNS: &str = "
    SELECT (table_name || '.' || column_name)::text AS a, data_type::text AS b,
           CASE WHEN is_nullable = 'NO' THEN '' ELSE ' or nothing' END AS c
    FROM information_schema.columns WHERE table_schema = 'public'";

const SQLITE_KEYS: &str = "
    SELECT m.name AS a, CASE WHEN l.origin = 'pk' THEN 'primary' ELSE 'unique' END AS b,
           (SELECT group_concat(name, ',') FROM (SELECT i.name FROM pragma_index_info(l.name) i ORDER BY i.name)) AS c
    FROM sqlite_schema m, pragma_index_list(m.name) l WHERE m.type = 'table' AND l.\"unique\" = 1
    UNION
    SELECT m.name, 'primary', c.name FROM sqlite_schema m, pragma_table_info(m.name) c
    WHERE m.type = 'table' AND c.pk > 0
      AND NOT EXISTS (SELECT 1 FROM pragma_index_list(m.name) l WHERE l.origin = 'pk')";
const POSTGRES_KEYS: &str = "
    SELECT t.relname::text AS a, CASE WHEN i.indisprimary THEN 'primary' ELSE 'unique' END AS b,
           string_agg(c.attname, ',' ORDER BY c.attname COLLATE \"C\")::text AS c
    FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
         JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'public'
         JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum = ANY (i.indkey)
    WHERE i.indisunique GROUP BY i.indexrelid, t.relname, i.indisprimary";

const SQLITE_REFERENCES: &str = "
    SELECT m.name || '.' || f.\"from\" AS a, f.\"table\" AS b, coalesce(f.\"to\", 'id') AS c
    FROM sqlite_schema m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'";
const POSTGRES_REFERENCES: &str = "
    SELECT (t.relname || '.' || c.attname)::text AS a, o.relname::text AS b, d.attname::text AS c
    FROM pg_constraint f JOIN pg_class t ON t.oid = f.conrelid JOIN pg_class o ON o.oid = f.confrelid
         JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum = ANY (f.conkey)
         JOIN pg_attribute d ON d.attrelid = o.oid AND d.attnum = ANY (f.confkey)
    WHERE f.contype = 'f'";

fn shape(conn: &mut Conn) -> Shape {
    let [columns, keys, references] = match conn.native() {
        Native::Sqlite(_) => [SQLITE_COLUMNS, SQLITE_KEYS, SQLITE_REFERENCES],
        Native::Pg(_) => [POSTGRES_COLUMNS, POSTGRES_KEYS, POSTGRES_REFERENCES],
    };
    let ours = |row: &Row| !row.a.starts_with("__diesel") && !row.a.starts_with("sqlite_");
    let mut ask = |sql: &str| -> Vec<Row> {
        diesel::sql_query(sql).load::<Row>(conn).unwrap().into_iter().filter(ours).collect()
    };
    Shape {
        columns: ask(columns)
            .into_iter()
            .map(|row| (row.a, format!("{}{}", kind(&row.b), row.c)))
            .collect(),
        keys: ask(keys).into_iter().map(|row| format!("{} {} ({})", row.a, row.b, row.c)).collect(),
        references: ask(references)
            .into_iter()
            .map(|row| format!("{} names {}.{}", row.a, row.b, row.c))
            .collect(),
    }
}

/// One name for what the two engines call differently. SQLite has no truth values of its own.
fn kind(native: &str) -> &'static str {
    match native {
        "INTEGER" | "bigint" | "boolean" => "number",
        "TEXT" | "text" => "text",
        "REAL" | "double precision" => "real",
        "BLOB" | "bytea" => "bytes",
        other => panic!("a column of kind {other}: the two engines would differ"),
    }
}

fn shapes_after(work: fn(&mut Conn)) -> Vec<Shape> {
    let engines = [Engine::Sqlite, Engine::Postgres];
    let apps = engines.into_iter().filter_map(TestApp::start);
    apps.map(|app| {
        let database = server::config::Database::from_url(app.database_url()).unwrap();
        let mut conn = open::open(&database).unwrap();
        work(&mut conn);
        let shape = shape(&mut conn);
        drop(conn);
        // The harness looks into it at the end.
        migrate::run(&database).unwrap();
        shape
    })
    .collect()
}

#[test]
fn both_databases_have_the_same_shape() {
    let shapes = shapes_after(|_| {});
    assert!(shapes[0].columns.len() > 50 && shapes[0].keys.len() > 8, "{shapes:#?}");
    assert!(shapes[0].references.len() > 3, "{:#?}", shapes[0].references);
    if let [sqlite, postgres] = &shapes[..] {
        assert_eq!(sqlite.columns, postgres.columns);
        assert_eq!(sqlite.keys, postgres.keys);
        assert_eq!(sqlite.references, postgres.references);
    }
}

#[test]
fn the_code_reads_the_shape_that_is_there() {
    let root = repository().join("server/src/db");
    let rooms = fs::read_dir(root.join("schema")).unwrap().map(|entry| entry.unwrap().path());
    let files = rooms.chain([root.join("schema.rs")]);
    let text: String = files.map(|file| fs::read_to_string(file).unwrap()).collect();
    let mut declared = BTreeMap::new();
    for block in text.split("table! {").skip(1) {
        let block = block.split("\n}").next().unwrap();
        let table = block.trim_start().split([' ', '(']).next().unwrap();
        for (column, native) in block.lines().filter_map(|line| line.trim().split_once(" -> ")) {
            let native = native.trim_end_matches(',');
            let (kind, nothing) = match native.strip_prefix("Nullable<") {
                Some(inner) => (inner.trim_end_matches('>'), " or nothing"),
                None => (native, ""),
            };
            let kind = match kind {
                "BigInt" | "Bool" => "number",
                "Text" => "text",
                "Double" => "real",
                "Binary" => "bytes",
                other => panic!("{table}.{column} is {other}"),
            };
            declared.insert(format!("{table}.{column}"), format!("{kind}{nothing}"));
        }
    }
    let mut there = shapes_after(|_| {}).remove(0).columns;
    // Asked by plain SQL only.
    there.retain(|column, _| declared.contains_key(column) || !column.starts_with("instance."));
    assert_eq!(declared, there);
}

#[test]
fn every_migration_can_be_taken_back_and_run_again() {
    let before = shapes_after(|_| {});
    let nothing = shapes_after(|conn| {
        match conn.native() {
            Native::Sqlite(sqlite) => drop(sqlite.revert_all_migrations(migrate::SQLITE).unwrap()),
            Native::Pg(pg) => drop(pg.revert_all_migrations(migrate::POSTGRES).unwrap()),
        };
    });
    for shape in nothing {
        assert_eq!(shape, Shape::default());
    }
    // One at a time, so that each finds what the one before it has left.
    let after = shapes_after(|conn| {
        let steps = crate::tidy::migration_folders("sqlite").len();
        for taken_back in 1..=steps {
            match conn.native() {
                Native::Sqlite(sqlite) => {
                    for _ in 0..taken_back {
                        sqlite.revert_last_migration(migrate::SQLITE).unwrap();
                    }
                    sqlite.run_pending_migrations(migrate::SQLITE).unwrap();
                }
                Native::Pg(pg) => {
                    for _ in 0..taken_back {
                        pg.revert_last_migration(migrate::POSTGRES).unwrap();
                    }
                    pg.run_pending_migrations(migrate::POSTGRES).unwrap();
                }
            }
        }
    });
    assert_eq!(after, before);
}

#[test]
fn several_nodes_may_migrate_at_once() {
    let Some(app) = TestApp::start(Engine::Postgres) else { return };
    let database = server::config::Database::from_url(app.database_url()).unwrap();
    let Native::Pg(mut pg) = open::open(&database).unwrap().into_native() else {
        unreachable!("a PostgreSQL URL")
    };
    pg.revert_all_migrations(migrate::POSTGRES).unwrap();
    drop(pg);
    let nodes: Vec<_> = (0..4)
        .map(|_| {
            let database = database.clone();
            std::thread::spawn(move || migrate::run(&database).unwrap().len())
        })
        .collect();
    let ran: Vec<usize> = nodes.into_iter().map(|node| node.join().unwrap()).collect();
    let all = crate::tidy::migration_folders("postgres").len();
    assert_eq!(
        (ran.iter().sum::<usize>(), ran.iter().filter(|n| **n > 0).count()),
        (all, 1),
        "{ran:?}"
    );
}

#[test]
fn a_file_of_another_program_is_not_migrated_over() {
    let scratch = Scratch::new("foreign");
    let path = scratch.path().join("chakan.db");
    fs::write(&path, "this is no database at all, but long enough to be looked at".repeat(100))
        .unwrap();
    let fault = migrate::run(&server::config::Database::Sqlite(path.clone())).unwrap_err();
    assert!(fault.contains("not a database"), "{fault}");
    assert!(fs::read_to_string(path).unwrap().starts_with("this is no database"));
}
