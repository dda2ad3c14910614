// similarity — inner products of the rows of two matrices, as product_shared's operands.
//
//   tile[m, n] = Σ_e images[m, e] · texts[n, e]
//
// Rows beyond the last are read as the last. Needs buffers `images` of VectorImages and `texts` of
// VectorTexts, [B, E], `const VECTOR` (4 where E is a multiple of it) and a private copy of
// `params` with B and E.

const ELEMENT_IMAGES: u32 = 32; // bits of an element of images: 16 where it is f16
alias ElemImages = f32;
alias VectorImages = ElemImages;
const ELEMENT_TEXTS: u32 = 32; // bits of an element of texts: 16 where it is f16
alias ElemTexts = f32;
alias VectorTexts = ElemTexts;

const VECTOR_LEFT: u32 = VECTOR;
const VECTOR_RIGHT: u32 = VECTOR;

alias Row = u32; // where it begins in images
alias Column = u32; // the same in texts
alias Place = u32; // either
alias Cursor = u32; // e
const ONE_TERM: Cursor = 1u;

fn row_of(m: u32) -> Row { return min(m, params.B - 1u) * params.E; }
fn column_of(n: u32) -> Column { return min(n, params.B - 1u) * params.E; }
fn enter_row(row: Row, segment: u32) -> Place { return row; }
fn enter_column(column: Column, segment: u32) -> Place { return column; }
fn cursor_at(e: u32) -> Cursor { return e; }
fn advance(e: Cursor, by: Cursor) -> Cursor { return e + by; }

fn image_four(at: u32) -> vec4<f32> {
  return vec4<f32>(vec4<ElemImages>(images[at / VECTOR]));
}

fn text_four(at: u32) -> vec4<f32> {
  return vec4<f32>(vec4<ElemTexts>(texts[at / VECTOR]));
}

fn start(columns: vec4<u32>) -> vec4<f32> { return vec4(0.0); }

fn left(row: Place, e: Cursor) -> f32 {
  return image_four(row + e)[select((row + e) % 4u, 0u, VECTOR == 1u)];
}

fn right(column: Place, e: Cursor) -> f32 {
  return text_four(column + e)[select((column + e) % 4u, 0u, VECTOR == 1u)];
}

fn left_block(rows: array<Place, 4>, e: Cursor) -> mat4x4<f32> {
  return transpose(mat4x4<f32>(
    image_four(rows[0] + e), image_four(rows[1] + e),
    image_four(rows[2] + e), image_four(rows[3] + e),
  ));
}

fn right_block(columns: array<Place, 4>, e: Cursor) -> mat4x4<f32> {
  return transpose(mat4x4<f32>(
    text_four(columns[0] + e), text_four(columns[1] + e),
    text_four(columns[2] + e), text_four(columns[3] + e),
  ));
}
