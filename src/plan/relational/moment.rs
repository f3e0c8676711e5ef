//! The moment as of which everything is computed, in what is computed when it is read: a view takes it from the relation that
//! holds it, so that its text stays as it is from run to run.

use crate::plan::node::NodeId;
use crate::plan::relational::scalar::{self, ColumnRef, Leaf, Scalar};
use crate::plan::relational::{Body, Column, Input, Join, Query, Relation, RelationId, Select};
use crate::semantic::expr::{ExprKind, Literal, Type};
use crate::semantic::moment;

/// The one column of the relation that holds the moment.
pub const COLUMN: &str = "as_of";

/// Where the relation with the moment stands among the inputs of a select: what is joined after it may be joined by it.
const PLACE: usize = 1;

/// Has a query read the moment from `node`, wherever it reads it.
pub fn read_from(query: &mut Query, node: NodeId) {
    if !query.reads_moment() {
        return;
    }
    let columns = vec![Column { name: COLUMN.into(), ty: Type::Timestamp }];
    query.prepend(Relation { name: None, columns, body: Body::Node(node), told_apart: Vec::new(), among_others: None });
    for relation in &mut query.relations {
        if let Body::Select(select) = &mut relation.body
            && select.scalars().any(scalar::reads_moment)
        {
            join(select);
        }
    }
}

/// Joins the relation with the moment, and reads it from there.
fn join(select: &mut Select) {
    let place = PLACE.min(select.inputs.len());
    select.scalars_mut().for_each(|value| {
        scalar::rewrite(value, &mut |mut leaf| {
            if let Leaf::Moment { before } = leaf {
                return before_it(place, before).kind;
            }
            if let Leaf::Column(column) = &mut leaf {
                column.input += usize::from(column.input >= place);
            }
            ExprKind::Column(leaf)
        });
    });
    let input = Input { relation: RelationId(0), alias: "moment".to_owned(), join: Join::Cross };
    select.inputs.insert(place, input);
}

/// Makes the moment, or what lies so many microseconds before it; what would lie before the calendar is its first moment.
fn before_it(input: usize, before: i64) -> Scalar {
    let moment = scalar::leaf(Leaf::Column(ColumnRef { input, column: 0 }), Type::Timestamp);
    if before == 0 {
        return moment;
    }
    let first = scalar::expr(ExprKind::Literal(Literal::Timestamp(moment::FIRST.to_owned())), Type::Timestamp);
    scalar::coalesce(scalar::later(moment, scalar::duration(-before)), first)
}
