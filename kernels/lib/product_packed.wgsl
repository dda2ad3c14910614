// product_packed — a tile of a product of matrices of integers of 8 bits, sixteen to a vec4<u32>.
//
//   tile[i, j] = Σ_{k < end} Σ_16 left[i, k] · right[k, j]      exact, then to f32
//
// WGX × WGY threads, as many both ways, make HEIGHT × WIDTH results, ROWS × COLS each, in
// registers. STEPS vec4 of every row and column at a time go through workgroup memory, as they lie
// in memory: every thread brings two of rows and COLS / 4 of columns, the next while these are
// multiplied, and reads ROWS + COLS of them for ROWS · COLS · 4 packed products of four.
//
// The kernel defines query_sixteen(b, k) and pool_sixteen(p, k): vec4 k of a row, rows clamped.

const ROWS: u32 = 8; // rows of a thread's tile
const COLS: u32 = 8; // columns of a thread's tile: 8 or 4
const WGX: u32 = 16; // threads along the columns
const WGY: u32 = 16; // threads along the rows; WGX of them
const TERMS: u32 = 1; // of a product, in what depth counts
const STEPS: u32 = WGX / 4u;
const HEIGHT: u32 = ROWS * WGY;
const WIDTH: u32 = COLS * WGX;

alias Quad = array<vec4<f32>, 4>; // four rows of four columns
alias Sums = array<vec4<i32>, 4>; // the same
alias Staged = vec4<u32>; // what workgroup memory is made of
alias Four = array<Staged, 4>; // the same k of four rows or columns

struct Span { segment: u32, segments: u32, first: u32, end: u32 }

// The thread's first four rows and columns, and those HEIGHT / 2 below and WIDTH / 2 beside them.
struct Tile { first: Quad, beside: Quad, below: Quad, last: Quad }

// What a thread brings: of a row and that HEIGHT / 2 below it, of a column and that beside it.
struct Brought { first: Staged, below: Staged, column: Staged, beside: Staged }

// By step, row or column of a quad, half of them, and quad: neighbours read neighbours.
var<workgroup> staged_left: array<array<array<array<Staged, WGY>, 2>, 4>, STEPS>;
var<workgroup> staged_right: array<array<array<array<Staged, WGX>, COLS / 4u>, 4>, STEPS>;

fn dots(x: Staged, y: Four, sum: vec4<i32>) -> vec4<i32> {
  var dot = sum;
  dot += vec4(dot4I8Packed(x.x, y[0].x), dot4I8Packed(x.x, y[1].x),
              dot4I8Packed(x.x, y[2].x), dot4I8Packed(x.x, y[3].x));
  dot += vec4(dot4I8Packed(x.y, y[0].y), dot4I8Packed(x.y, y[1].y),
              dot4I8Packed(x.y, y[2].y), dot4I8Packed(x.y, y[3].y));
  dot += vec4(dot4I8Packed(x.z, y[0].z), dot4I8Packed(x.z, y[1].z),
              dot4I8Packed(x.z, y[2].z), dot4I8Packed(x.z, y[3].z));
  dot += vec4(dot4I8Packed(x.w, y[0].w), dot4I8Packed(x.w, y[1].w),
              dot4I8Packed(x.w, y[2].w), dot4I8Packed(x.w, y[3].w));
  return dot;
}

fn add_packed(sums: ptr<function, Sums>, x: Four, y: Four) {
  (*sums)[0] = dots(x[0], y, (*sums)[0]);
  (*sums)[1] = dots(x[1], y, (*sums)[1]);
  (*sums)[2] = dots(x[2], y, (*sums)[2]);
  (*sums)[3] = dots(x[3], y, (*sums)[3]);
}

fn left_four(step: u32, half: u32, y: u32) -> Four {
  return Four(staged_left[step][0][half][y], staged_left[step][1][half][y],
              staged_left[step][2][half][y], staged_left[step][3][half][y]);
}

fn right_four(step: u32, half: u32, x: u32) -> Four {
  return Four(staged_right[step][0][half][x], staged_right[step][1][half][x],
              staged_right[step][2][half][x], staged_right[step][3][half][x]);
}

// A thread's part of steps k to k + STEPS − 1, of `end`: zeros behind it.
fn bring(corner: vec2<u32>, k: u32, end: u32, piece: u32) -> Brought {
  let place = 4u * (piece % WGX) + piece / WGX % 4u;
  let step = k + piece / (4u * WGX);
  if (step >= end) {
    return Brought();
  }
  let at = corner + place;
  return Brought(
    query_sixteen(at.x, step), query_sixteen(at.x + HEIGHT / 2u, step),
    pool_sixteen(at.y, step), pool_sixteen(at.y + select(0u, WIDTH / 2u, COLS == 8u), step),
  );
}

fn stage(brought: Brought, piece: u32) {
  let step = piece / (4u * WGX);
  let of_quad = piece / WGX % 4u;
  let quad = piece % WGX;
  workgroupBarrier(); // until no thread reads what was there
  staged_left[step][of_quad][0][quad] = brought.first;
  staged_left[step][of_quad][1][quad] = brought.below;
  staged_right[step][of_quad][0][quad] = brought.column;
  if (COLS == 8u) {
    staged_right[step][of_quad][COLS / 4u - 1u][quad] = brought.beside;
  }
  workgroupBarrier();
}

fn numbers(sums: Sums) -> Quad {
  return Quad(vec4<f32>(sums[0]), vec4<f32>(sums[1]), vec4<f32>(sums[2]), vec4<f32>(sums[3]));
}

// The tile whose first row and column are `corner`; the span is uniform.
fn multiply(corner: vec2<u32>, span: Span, thread: vec2<u32>) -> Tile {
  let piece = thread.y * WGX + thread.x;
  var first = Sums();
  var beside = Sums();
  var below = Sums();
  var last = Sums();
  var next = bring(corner, 0u, span.end, piece);
  for (var k = 0u; k < span.end; k += STEPS) {
    stage(next, piece);
    next = bring(corner, k + STEPS, span.end, piece);
    for (var step = 0u; step < min(STEPS, span.end - k); step++) {
      let column = right_four(step, 0u, thread.x);
      let upper = left_four(step, 0u, thread.y);
      let lower = left_four(step, 1u, thread.y);
      add_packed(&first, upper, column);
      add_packed(&below, lower, column);
      if (COLS == 8u) {
        let further = right_four(step, COLS / 4u - 1u, thread.x);
        add_packed(&beside, upper, further);
        add_packed(&last, lower, further);
      }
    }
  }
  return Tile(numbers(first), numbers(beside), numbers(below), numbers(last));
}
