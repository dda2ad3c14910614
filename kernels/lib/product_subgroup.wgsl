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
// What the kernel defines: as in product_shared, but left_block and right_block are not used.

const ROWS: u32 = 32; // of the tile: 16 or 32, at most 8 · WGX
const COLS: u32 = 4; // columns of a thread: 4, or 2 for narrow products
const WGX: u32 = 8; // the size of every subgroup: 4 or 8
const WGY: u32 = 1;
const STORED: u32 = COLS; // values in each store_four
const HEIGHT: u32 = ROWS;
const WIDTH: u32 = COLS * WGX;

alias Quad = array<vec4<f32>, 4>; // four rows of the thread's columns

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

// x[r] is the element of row r · WGX + (this thread's lane).
fn add_term(tile: ptr<function, Tile>, x: array<f32, 8>, y: vec4<f32>) {
  add_outer(&tile.rows_0, x[0], 0u, y);
  add_outer(&tile.rows_4, x[4u / WGX], 4u % WGX, y);
  add_outer(&tile.rows_8, x[8u / WGX], 8u % WGX, y);
  add_outer(&tile.rows_12, x[12u / WGX], 12u % WGX, y);
  if (ROWS == 32u) {
    add_outer(&tile.rows_16, x[16u / WGX], 16u % WGX, y);
    add_outer(&tile.rows_20, x[20u / WGX], 20u % WGX, y);
    add_outer(&tile.rows_24, x[24u / WGX], 24u % WGX, y);
    add_outer(&tile.rows_28, x[28u / WGX], 28u % WGX, y);
  }
}

fn row_at(m: u32, r: u32, segment: u32) -> Place {
  return enter_row(row_of(m + r * WGX), segment);
}

fn left_at(place: Place, r: u32, cursor: Cursor) -> f32 {
  if (r * WGX >= ROWS) {
    return 0.0; // none of the tile's rows
  }
  return left(place, cursor);
}

fn right_four(columns: array<Place, 4>, cursor: Cursor) -> vec4<f32> {
  let two = vec2(right(columns[0], cursor), right(columns[1], cursor));
  if (COLS == 2u) {
    return vec4(two, 0.0, 0.0);
  }
  return vec4(two, right(columns[2], cursor), right(columns[3], cursor));
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
    for (var k = span.first; k < span.end; k++) {
      let x = array<f32, 8>(
        left_at(rows[0], 0u, at), left_at(rows[1], 1u, at),
        left_at(rows[2], 2u, at), left_at(rows[3], 3u, at),
        left_at(rows[4], 4u, at), left_at(rows[5], 5u, at),
        left_at(rows[6], 6u, at), left_at(rows[7], 7u, at),
      );
      add_term(&tile, x, right_four(columns, at));
      at = advance(at, ONE_TERM);
    }
  }
  return tile;
}
