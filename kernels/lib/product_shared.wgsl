// product_shared — a tile of a product of matrices, its operands staged in workgroup memory.
//
//   tile[i, j] = start[j] + Σ_segment Σ_{k = first}^{end − 1} left[i, k] · right[k, j]
//
// WGX × WGY threads, as many both ways, make HEIGHT × WIDTH results, ROWS × COLS each, in
// registers. DEPTH terms at a time go through workgroup memory: every thread brings 4 × 4 elements
// of one operand, the next while these are multiplied, and reads ROWS + COLS for ROWS · COLS
// multiply-adds. Each sum runs over its terms in order; zeros fill up the last DEPTH of a segment.
//
// The kernel defines, and the library alone says in which order they are used:
//   Row, row_of(m); Column, column_of(n)       of the left and the right operand; clamped
//   Place, enter_row(row, segment), enter_column(column, segment)    where it lies in a segment
//   Cursor, cursor_at(k), advance(cursor, by)  which term; the one `by` on; ONE_TERM, the least by
//   left(place, cursor), right                 one element
//   left_block(places, cursor), right_block    of four terms, if VECTOR_LEFT, VECTOR_RIGHT are 4
//   start(columns)                             what the sums of four columns begin with

const ROWS: u32 = 8; // rows of a thread's tile
const COLS: u32 = 8; // columns of a thread's tile: 8 or 4
const WGX: u32 = 16; // threads along the columns
const WGY: u32 = 16; // threads along the rows; WGX of them
const DEPTH: u32 = WGX; // terms in workgroup memory: as many as give every thread one piece
const STORED: u32 = 4; // values in each store_four
const HEIGHT: u32 = ROWS * WGY;
const WIDTH: u32 = COLS * WGX;
const LEFT_PIECES: u32 = HEIGHT * DEPTH / 16u;
const PIECES: u32 = LEFT_PIECES + WIDTH * DEPTH / 16u;

alias Quad = array<vec4<f32>, 4>; // four rows of four columns
alias Staged = vec4<f32>; // what workgroup memory is made of

// Segments and terms of each that are multiplied: from the first up to the end.
struct Span { segment: u32, segments: u32, first: u32, end: u32 }

// The thread's first four rows and columns, and those HEIGHT / 2 below and WIDTH / 2 beside them.
struct Tile { first: Quad, beside: Quad, below: Quad, last: Quad }

// By four terms, term, half of the rows or columns, and vec4 of them: indices that are constant or
// the same for every thread cost nothing, and the guard of the last one is shared.
var<workgroup> staged_left: array<array<array<array<Staged, WGY>, 2>, 4>, DEPTH / 4u>;
var<workgroup> staged_right: array<array<array<array<Staged, WGX>, COLS / 4u>, 4>, DEPTH / 4u>;

fn add_outer(quad: ptr<function, Quad>, x: vec4<f32>, y: vec4<f32>) {
  (*quad)[0] = fma(vec4(x[0]), y, (*quad)[0]);
  (*quad)[1] = fma(vec4(x[1]), y, (*quad)[1]);
  (*quad)[2] = fma(vec4(x[2]), y, (*quad)[2]);
  (*quad)[3] = fma(vec4(x[3]), y, (*quad)[3]);
}

fn add_term(tile: ptr<function, Tile>, quad: u32, k: u32, thread: vec2<u32>) {
  let x = staged_left[quad][k][0][thread.y];
  let y = staged_right[quad][k][0][thread.x];
  let lower = staged_left[quad][k][1][thread.y];
  add_outer(&tile.first, x, y);
  add_outer(&tile.below, lower, y);
  if (COLS == 8u) {
    let further = staged_right[quad][k][COLS / 4u - 1u][thread.x];
    add_outer(&tile.beside, x, further);
    add_outer(&tile.last, lower, further);
  }
}

// Terms 4 · quad to 4 · quad + 3 of those staged.
fn add_terms(tile: ptr<function, Tile>, quad: u32, thread: vec2<u32>) {
  add_term(tile, quad, 0u, thread);
  add_term(tile, quad, 1u, thread);
  add_term(tile, quad, 2u, thread);
  add_term(tile, quad, 3u, thread);
}

fn stage(task: Task, piece: u32, elements: mat4x4<f32>) {
  workgroupBarrier(); // until no thread reads what was there
  if (piece < LEFT_PIECES) {
    let half = task.quad / WGY;
    let place = task.quad % WGY;
    staged_left[task.term / 4u][0][half][place] = elements[0];
    staged_left[task.term / 4u][1][half][place] = elements[1];
    staged_left[task.term / 4u][2][half][place] = elements[2];
    staged_left[task.term / 4u][3][half][place] = elements[3];
  } else if (piece < PIECES) {
    let half = task.quad / WGX;
    let place = task.quad % WGX;
    staged_right[task.term / 4u][0][half][place] = elements[0];
    staged_right[task.term / 4u][1][half][place] = elements[1];
    staged_right[task.term / 4u][2][half][place] = elements[2];
    staged_right[task.term / 4u][3][half][place] = elements[3];
  }
  workgroupBarrier();
}

fn start_tile(first: u32) -> Tile {
  let near = start(vec4(first, first + 1u, first + 2u, first + 3u));
  let far = start(vec4(first, first + 1u, first + 2u, first + 3u) + WIDTH / 2u);
  let left_quad = Quad(near, near, near, near);
  let right_quad = Quad(far, far, far, far);
  return Tile(left_quad, right_quad, left_quad, right_quad);
}

// The tile whose first row and column are `corner`; the span is uniform.
fn multiply(corner: vec2<u32>, span: Span, thread: vec2<u32>) -> Tile {
  let piece = thread.y * WGX + thread.x;
  let count = span.end - span.first;
  let step = cursor_at(DEPTH);
  var tile = start_tile(corner.y + 4u * thread.x);
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
      let quads = (min(count + DEPTH - k, DEPTH) + 3u) / 4u;
      for (var quad = select(quads, 0u, k > 0u); quad < quads; quad++) {
        add_terms(&tile, quad, thread);
      }
    }
  }
  return tile;
}
