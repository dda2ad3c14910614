// product_matrix — a tile of a product by 16 × 16 matrices, its operands staged as Elem.
//
//   tile[i, j] = start[j] + Σ_segment Σ_{k = first}^{end − 1} left[i, k] · right[k, j]
//
// LANES threads together make DOWN × ACROSS matrices of 16 × 16 sums in f32; the WGX · WGY threads
// are TEAMS such teams, side by side two and two. DEPTH terms of HEIGHT rows and WIDTH columns at a
// time go through workgroup memory, terms contiguous: every thread brings 4 × 4 elements of one
// operand, the next while these are multiplied. Zeros fill up the last DEPTH of a segment. Every 16
// rows or columns are an array of their own, so that a matrix begins at a place that the compiler
// knows to be aligned and in range: RADV then loads 16 bytes at a time. Rows are DEPTH + 8 elements
// apart: 16 of them, read 16 bytes each, then lie in different banks (64 of 4 bytes; Elem has 2).
//
// Products of two f16 are exact in f32. DEPTH terms at a time are added in order; in which order
// those are is matrix_threads' or the matrix unit's choice, which is the same for all elements. The
// error is at most K + 1 units in the last place of the sum of magnitudes where the unit rounds
// sums to f32.
//
// What the kernel defines: as in product_shared. matrix_subgroup or matrix_threads define
//   LeftMatrix, RightMatrix, Sums                          16 × 16 each, spread over a team
//   team_of(thread)                                        which team the thread is in
//   left_matrix(block), right_matrix(block)                of staged_left, staged_right
//   multiply_add(left, right, sums)
//   put(team, sums)                                        to finished[team]

const ROWS: u32 = 32; // HEIGHT of the tile, per thread along it
const COLS: u32 = 1; // WIDTH, the same
const WGX: u32 = 64; // a multiple of every subgroup's size
const WGY: u32 = 2;
const LANES: u32 = 32; // threads of a team; a subgroup, where it has a matrix unit
const STORED: u32 = 4; // values in each store_four
const DEPTH: u32 = 16; // terms in workgroup memory
const STRIDE: u32 = DEPTH + 8u;
const BLOCK: u32 = 16u * STRIDE; // elements of 16 rows or columns
const HEIGHT: u32 = ROWS * WGY;
const WIDTH: u32 = COLS * WGX;
const LEFT_PIECES: u32 = HEIGHT * DEPTH / 16u;
const PIECES: u32 = LEFT_PIECES + WIDTH * DEPTH / 16u; // as many as threads
const TEAMS: u32 = WGX * WGY / LANES;
const DOWN: u32 = HEIGHT / (TEAMS / 2u) / 16u; // matrices of a team, one below the other
const ACROSS: u32 = WIDTH / 2u / 16u;

// Segments and terms of each that are multiplied: from the first up to the end.
struct Span { segment: u32, segments: u32, first: u32, end: u32 }

alias Tile = array<array<Sums, ACROSS>, DOWN>;

var<workgroup> staged_left: array<array<Elem, BLOCK>, HEIGHT / 16u>;
var<workgroup> staged_right: array<array<Elem, BLOCK>, WIDTH / 16u>;
var<workgroup> finished: array<array<f32, 256>, TEAMS>;

// The first of a team's blocks: of rows, of columns.
fn blocks_of(team: u32) -> vec2<u32> {
  return vec2(team / 2u * DOWN, team % 2u * ACROSS);
}

fn stage(task: Task, piece: u32, elements: mat4x4<f32>) {
  let rows = transpose(elements);
  let block = task.quad / 4u;
  let at = task.quad % 4u * 4u * STRIDE + task.term;
  workgroupBarrier(); // until no thread reads what was there
  for (var i = 0u; i < 4u; i++) {
    for (var k = 0u; k < 4u; k++) {
      if (piece < LEFT_PIECES) {
        staged_left[block][at + i * STRIDE + k] = Elem(rows[i][k]);
      } else {
        staged_right[block][at + i * STRIDE + k] = Elem(rows[i][k]);
      }
    }
  }
  workgroupBarrier();
}

// The DEPTH terms that are staged.
fn add_terms(tile: ptr<function, Tile>, blocks: vec2<u32>) {
  var columns: array<RightMatrix, ACROSS>;
  for (var j = 0u; j < ACROSS; j++) {
    columns[j] = right_matrix(blocks.y + j);
  }
  for (var i = 0u; i < DOWN; i++) {
    let rows = left_matrix(blocks.x + i);
    for (var j = 0u; j < ACROSS; j++) {
      (*tile)[i][j] = multiply_add(rows, columns[j], (*tile)[i][j]);
    }
  }
}

// The tile whose first row and column are `corner`; the span is uniform.
fn multiply(corner: vec2<u32>, span: Span, thread: vec2<u32>) -> Tile {
  let piece = thread.y * WGX + thread.x;
  let blocks = blocks_of(team_of(piece));
  let count = span.end - span.first;
  let step = cursor_at(DEPTH);
  var tile = Tile();
  for (var segment = span.segment; segment < span.segments; segment++) {
    let task = task_of(corner, piece, segment);
    var cursor = cursor_at(span.first + task.term);
    var elements = mat4x4<f32>();
    for (var k = 0u; k < count + DEPTH; k += DEPTH) { // adds what the round before brought
      if (k > 0u) {
        stage(task, piece, elements);
      }
      if (k < count) {
        elements = bring(task, piece, cursor, count - k);
        cursor = advance(cursor, step);
      }
      if (k > 0u) {
        add_terms(&tile, blocks);
      }
    }
  }
  return tile;
}

// Every element to its place, through workgroup memory: which thread has which is not known.
fn store_tile(corner: vec2<u32>, tile: Tile, thread: vec2<u32>) {
  let index = thread.y * WGX + thread.x;
  let team = team_of(index);
  let own = corner + 16u * blocks_of(team);
  let share = 256u / LANES; // elements that each thread stores of a matrix
  let first = index % LANES * share;
  for (var i = 0u; i < DOWN; i++) {
    for (var j = 0u; j < ACROSS; j++) {
      put(team, tile[i][j]);
      workgroupBarrier();
      for (var e = first; e < first + share; e += 4u) {
        let m = own.x + 16u * i + e / 16u;
        let n = own.y + 16u * j + e % 16u;
        let sums = vec4(
          finished[team][e], finished[team][e + 1u], finished[team][e + 2u], finished[team][e + 3u],
        );
        store_four(m, n, 1u, sums + start(vec4(n, n + 1u, n + 2u, n + 3u)));
      }
      workgroupBarrier();
    }
  }
}
