// nearest_rows — where product_shared finds the operands of nearest's products.
//
// Needs query_four(at) and pool_four(at): elements 4 · at and the three that follow, as f32.

const TERMS: u32 = 4; // of a product, in what depth counts
const VECTOR_LEFT: u32 = 4; // for product_shared: whole blocks of four along d, as D allows
const VECTOR_RIGHT: u32 = 4;

alias Row = u32; // where it begins in queries, in vec4
alias Column = u32; // the same in pool
alias Place = u32; // either
alias Cursor = u32; // d
const ONE_TERM: Cursor = 1u;

fn row_of(b: u32) -> Row { return min(b, params.B - 1u) * params.depth; }
fn column_of(p: u32) -> Column { return min(p, params.window_rows - 1u) * params.depth; }
fn enter_row(row: Row, segment: u32) -> Place { return row; }
fn enter_column(column: Column, segment: u32) -> Place { return column; }
fn cursor_at(d: u32) -> Cursor { return d; }
fn advance(d: Cursor, by: Cursor) -> Cursor { return d + by; }
fn left(row: Place, d: Cursor) -> f32 { return query_four(row + d / 4u)[d % 4u]; }
fn right(column: Place, d: Cursor) -> f32 { return pool_four(column + d / 4u)[d % 4u]; }
fn start(columns: vec4<u32>) -> vec4<f32> { return vec4(0.0); }

fn left_block(rows: array<Place, 4>, d: Cursor) -> mat4x4<f32> {
  let at = d / 4u;
  return transpose(mat4x4<f32>(
    query_four(rows[0] + at), query_four(rows[1] + at),
    query_four(rows[2] + at), query_four(rows[3] + at),
  ));
}

fn right_block(columns: array<Place, 4>, d: Cursor) -> mat4x4<f32> {
  let at = d / 4u;
  return transpose(mat4x4<f32>(
    pool_four(columns[0] + at), pool_four(columns[1] + at),
    pool_four(columns[2] + at), pool_four(columns[3] + at),
  ));
}
