enable subgroups;
// product_subgroup — product_shared's functions for narrow subgroups: no workgroup memory.
//
//   tile[i, j] = start[j] + Σ_segment Σ_{k = first}^{end − 1} left[i, k] · right[k, j]
//
// A workgroup is one subgroup. Its threads have the same ROWS rows and different columns, WGX
// apart. Each loads ROWS / WGX of the rows' elements, and broadcasts give them to the others:
// ROWS / WGX + COLS loads for ROWS · COLS multiply-adds. Where threads are the vector lanes of a
// CPU, a load is one load per lane and costs as much as twenty multiply-adds of all, and workgroup
// memory is no faster than any other.
//
// With TERMS = 3 as many are loaded at a time, and multiplied four rows after four rows. Terms that
// lie side by side are then read before rows that are a power of two apart push their cache line
// out, and the sums of four rows stay in registers for all of them: 16 + 4 · 3 values a thread, of
// the 32 vector registers of a CPU. Each sum still runs over k in order. It gains nothing where
// places take more arithmetic than the product (conv2d).
//
// What the kernel defines: as in product_shared, but left_block and right_block are not used.

const ROWS: u32 = 32; // of the tile: 16 or 32, at most 8 · WGX
const COLS: u32 = 4; // columns of a thread: 4, or 2 for narrow products
const WGX: u32 = 8; // the size of every subgroup: 4 or 8
const WGY: u32 = 1;
const TERMS: u32 = 1; // loaded at a time: 1, or 3
const STORED: u32 = COLS; // values in each store_four
const HEIGHT: u32 = ROWS;
const WIDTH: u32 = COLS * WGX;

alias Quad = array<vec4<f32>, 4>; // four rows of the thread's columns
alias Terms = vec3<f32>; // an element of each of three terms
alias TermColumns = mat3x4<f32>; // the thread's columns' elements of each
alias Cursors = array<Cursor, 3>;

// Segments and terms of each that are multiplied: from the first up to the end.
struct Span { segment: u32, segments: u32, first: u32, end: u32 }

struct Tile {
  rows_0: Quad, rows_4: Quad, rows_8: Quad, rows_12: Quad,
  rows_16: Quad, rows_20: Quad, rows_24: Quad, rows_28: Quad,
}

// The values of x on four threads, from `lane` on.
fn values_of(x: f32, lane: u32) -> vec4<f32> {
  if (WGX == 4u) {
    let two = vec2(quadBroadcast(x, 0u), quadBroadcast(x, 1u));
    return vec4(two, quadBroadcast(x, 2u), quadBroadcast(x, 3u));
  }
  let two = vec2(subgroupShuffle(x, lane), subgroupShuffle(x, lane + 1u));
  return vec4(two, subgroupShuffle(x, lane + 2u), subgroupShuffle(x, lane + 3u));
}

fn add_row(sum: vec4<f32>, x: f32, y: vec4<f32>) -> vec4<f32> {
  if (COLS == 2u) {
    return vec4(fma(vec2(x), y.xy, sum.xy), 0.0, 0.0);
  }
  return fma(vec4(x), y, sum);
}

fn add_outer(quad: ptr<function, Quad>, x: f32, lane: u32, y: vec4<f32>) {
  let values = values_of(x, lane);
  (*quad)[0] = add_row((*quad)[0], values[0], y);
  (*quad)[1] = add_row((*quad)[1], values[1], y);
  (*quad)[2] = add_row((*quad)[2], values[2], y);
  (*quad)[3] = add_row((*quad)[3], values[3], y);
}

fn add_terms(quad: ptr<function, Quad>, x: Terms, lane: u32, y: TermColumns, one: bool) {
  add_outer(quad, x[0], lane, y[0]);
  if (!one) {
    add_outer(quad, x[1], lane, y[1]);
    add_outer(quad, x[2], lane, y[2]);
  }
}

// x[r] are the elements of row r · WGX + (this thread's lane); `one`: of the first term alone.
fn add_all(tile: ptr<function, Tile>, x: array<Terms, 8>, y: TermColumns, one: bool) {
  add_terms(&tile.rows_0, x[0], 0u, y, one);
  add_terms(&tile.rows_4, x[4u / WGX], 4u % WGX, y, one);
  add_terms(&tile.rows_8, x[8u / WGX], 8u % WGX, y, one);
  add_terms(&tile.rows_12, x[12u / WGX], 12u % WGX, y, one);
  if (ROWS == 32u) {
    add_terms(&tile.rows_16, x[16u / WGX], 16u % WGX, y, one);
    add_terms(&tile.rows_20, x[20u / WGX], 20u % WGX, y, one);
    add_terms(&tile.rows_24, x[24u / WGX], 24u % WGX, y, one);
    add_terms(&tile.rows_28, x[28u / WGX], 28u % WGX, y, one);
  }
}

fn row_at(m: u32, r: u32, segment: u32) -> Place {
  return enter_row(row_of(m + r * WGX), segment);
}

fn left_terms(place: Place, r: u32, at: Cursors) -> Terms {
  if (r * WGX >= ROWS) { return Terms(); } // none of the tile's rows
  return Terms(left(place, at[0]), left(place, at[1]), left(place, at[2]));
}

fn right_terms(place: Place, j: u32, at: Cursors) -> Terms {
  if (j >= COLS) { return Terms(); }
  return Terms(right(place, at[0]), right(place, at[1]), right(place, at[2]));
}

fn left_all(rows: array<Place, 8>, at: Cursors) -> array<Terms, 8> {
  return array<Terms, 8>(
    left_terms(rows[0], 0u, at), left_terms(rows[1], 1u, at),
    left_terms(rows[2], 2u, at), left_terms(rows[3], 3u, at),
    left_terms(rows[4], 4u, at), left_terms(rows[5], 5u, at),
    left_terms(rows[6], 6u, at), left_terms(rows[7], 7u, at),
  );
}

fn right_all(columns: array<Place, 4>, at: Cursors) -> TermColumns {
  return transpose(mat4x3<f32>(
    right_terms(columns[0], 0u, at), right_terms(columns[1], 1u, at),
    right_terms(columns[2], 2u, at), right_terms(columns[3], 3u, at),
  ));
}

fn multiply(corner: vec2<u32>, span: Span, thread: vec2<u32>) -> Tile {
  let m = corner.x + thread.x;
  let n = vec4(0u, WGX, 2u * WGX, 3u * WGX) + corner.y + thread.x;
  let row = start(n);
  let quad = Quad(row, row, row, row);
  var tile = Tile(quad, quad, quad, quad, quad, quad, quad, quad);
  for (var s = span.segment; s < span.segments; s++) {
    let rows = array<Place, 8>(
      row_at(m, 0u, s), row_at(m, 1u, s), row_at(m, 2u, s), row_at(m, 3u, s),
      row_at(m, 4u, s), row_at(m, 5u, s), row_at(m, 6u, s), row_at(m, 7u, s),
    );
    let columns = array<Place, 4>(
      enter_column(column_of(n.x), s), enter_column(column_of(n.y), s),
      enter_column(column_of(n.z), s), enter_column(column_of(n.w), s),
    );
    var at = cursor_at(span.first);
    var k = span.first;
    for (; TERMS == 3u && k + 3u <= span.end; k += 3u) {
      let second = advance(at, ONE_TERM);
      let third = advance(second, ONE_TERM);
      let cursors = Cursors(at, second, third);
      add_all(&tile, left_all(rows, cursors), right_all(columns, cursors), false);
      at = advance(third, ONE_TERM);
    }
    for (; k < span.end; k++) {
      let cursors = Cursors(at, at, at);
      add_all(&tile, left_all(rows, cursors), right_all(columns, cursors), true);
      at = advance(at, ONE_TERM);
    }
  }
  return tile;
}
