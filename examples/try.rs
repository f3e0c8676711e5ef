//! tmp
#![allow(missing_docs)]
fn main() {
    let root = std::path::PathBuf::from(std::env::args().nth(1).unwrap());
    let dialect = std::env::args().nth(2).unwrap();
    let mut d = milepost::diagnostic::Diagnostics::default();
    let project = match milepost::project::load::load(&root, std::env::vars().collect(), &mut d) {
        Ok(p) => p,
        Err(s) => {
            eprintln!(
                "{}",
                milepost::report::diagnostics::draw(
                    &d,
                    &s,
                    milepost::report::diagnostics::Look { colors: false, width: 120 }
                )
            );
            return;
        }
    };
    let model = milepost::semantic::resolve(&project, &mut d);
    if let Some(model) = &model {
        let plan = milepost::plan::plan(model);
        let place = milepost::render::Place {
            dialect: milepost::render::dialect::Dialect::named(&dialect).unwrap(),
            schema: "milepost".into(),
            as_of: std::env::args().nth(3).unwrap_or("2026-07-01 00:00:00.000000".into()),
            stand_ins: Default::default(),
        };
        for s in milepost::render::render(&plan, model, &project.sources, &place, &mut d) {
            match milepost::check::check(s.clone(), place.dialect) {
                Ok(c) => println!("{};\n", c.sql()),
                Err(r) => {
                    println!("{};\n", s.sql);
                    eprintln!("REFUSED {}: {}", s.node, r.reason)
                }
            }
        }
    }
    eprintln!(
        "{}",
        milepost::report::diagnostics::draw(
            &d,
            &project.sources,
            milepost::report::diagnostics::Look { colors: false, width: 120 }
        )
    );
}
