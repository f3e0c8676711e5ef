//! Names of tables that begin like something else in the statement, which some warehouses take for that.

use milepost::check::{Checker, check};
use milepost::render::Statement;
use milepost::render::dialect::Dialect;

fn is_shadowed(sql: &str, dialect: &str) -> Option<String> {
    let statement = Statement { node: "n".to_owned(), sql: sql.to_owned(), origin: None };
    check(statement, Dialect::named(dialect).unwrap()).err().and_then(|refusal| refusal.shadowed)
}

#[test]
fn a_name_that_begins_like_another_of_the_statement_is_refused_where_it_is_shadowed() {
    let made = "CREATE OR REPLACE TABLE `streams`.`a` AS\n";
    let with = format!("{made}WITH Streams AS (SELECT 1 AS x) SELECT x FROM Streams JOIN `streams`.`b` AS b ON TRUE");
    assert_eq!(is_shadowed(&with, "bigquery").as_deref(), Some("streams"));
    let alias = "SELECT * FROM (SELECT 1 AS x) AS d, `c`.`b` AS streams WHERE EXISTS (SELECT 1 FROM `d`.`e` AS e)";
    assert_eq!(is_shadowed(alias, "bigquery").as_deref(), Some("d"));
    // A project comes before it; only what is made is called so; a column is.
    assert_eq!(is_shadowed("SELECT * FROM `p`.`streams`.`b` AS streams", "bigquery"), None);
    assert_eq!(is_shadowed(&format!("{made}SELECT 1 AS x FROM `c`.`b` AS streams"), "bigquery"), None);
    assert_eq!(is_shadowed("SELECT 1 AS streams FROM `streams`.`b` AS b", "bigquery"), None);
    assert_eq!(is_shadowed(&with.replace('`', "\""), "duckdb"), None);
}

#[test]
fn a_statement_of_a_known_shape_is_parsed_where_its_name_is_another_one_in_it() {
    // But for what it makes, the second is the first.
    let made = |node: &str| {
        let sql =
            format!("CREATE OR REPLACE TABLE `c`.`{node}` AS SELECT 1 AS x FROM `streams`.`b` AS b, `c`.`{node}` AS a");
        Statement { node: node.to_owned(), sql, origin: None }
    };
    let dialect = Dialect::named("bigquery").unwrap();
    let mut checker = Checker::new(dialect);
    assert!(checker.check(made("one")).is_ok());
    assert!(checker.check(made("two")).is_ok());
    let wrong = Statement { sql: made("two").sql.replace(" FROM", " FROM FROM"), ..made("two") };
    assert!(checker.check(wrong).is_err());
    let two = Statement { sql: made("two").sql + "; SELECT 1", ..made("two") };
    assert!(checker.check(two).is_err());
    // Where it is called by its own name, the name is part of what it is.
    let called = |node: &str| {
        let sql = format!("CREATE OR REPLACE TABLE `c`.`{node}` AS SELECT 1 AS x FROM `streams`.`b` AS {node}");
        Statement { node: node.to_owned(), sql, origin: None }
    };
    assert!(checker.check(called("three")).is_ok());
    assert_eq!(checker.check(called("streams")).unwrap_err().shadowed.as_deref(), Some("streams"));
}
