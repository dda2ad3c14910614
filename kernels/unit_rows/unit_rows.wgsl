// unit_rows — divide each row of x by its Euclidean length.
//
//   norm[r] = max(√(Σ_c x[r,c]²), TINY)
//   y[r,c]  = x[r,c] / norm[r]
//
//   x, y  f32[rows, WIDTH · VECTOR]
//   norm  f32[rows]          saved for unit_rows_grad
//
// LANES threads per row, which stride over its columns; WG / LANES rows per workgroup. A row is
// read once: a thread keeps its first KEPT Vectors in registers, and only what is beyond is read
// again.
//
// A sum runs over a thread's Vectors in order, then their elements, then the lanes as a tree; its
// error is at most WIDTH / LANES + VECTOR + log2(LANES) units in the last place of the sum of
// magnitudes, and that of norm half as much. A zero row stays zero. Squares leave f32 where
// |x| > 1e19 (then y is 0) or |x| < 1e-23 (then norm is TINY).
//
// Source: torch.nn.functional.normalize, whose eps TINY is.

const WG: u32 = 64; // threads per workgroup
const LANES: u32 = 32; // threads per row; divides WG (lanes)
const KEPT: u32 = 16; // Vectors of a row that a thread keeps in registers, at most
const WIDTH: u32 = 1; // Vectors of a row
const VECTOR: u32 = 1; // elements of a Vector
const TINY: f32 = 1e-12;
const HELD: u32 = min(KEPT, (WIDTH + LANES - 1u) / LANES);

alias Vector = f32;

struct Params { rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Vector>;
@group(0) @binding(2) var<storage, read_write> y: array<Vector>;
@group(0) @binding(3) var<storage, read_write> norm: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let r = linear_workgroup(group, groups) * (WG / LANES) + thread / LANES;
  let lane = thread % LANES;
  let row = r * WIDTH;
  let end = select(0u, WIDTH, r < params.rows);
  var held: array<Vector, HELD>;
  var squares = Vector();
  for (var i = 0u; i < HELD; i++) {
    let c = i * LANES + lane;
    if (c < end) {
      held[i] = x[row + c];
      squares += held[i] * held[i];
    }
  }
  for (var c = HELD * LANES + lane; c < end; c += LANES) {
    squares += x[row + c] * x[row + c];
  }
  let length = max(sqrt(lanes_sum(thread, vector_dot(Vector(1.0), squares))), TINY);
  for (var i = 0u; i < HELD; i++) {
    let c = i * LANES + lane;
    if (c < end) {
      y[row + c] = held[i] / length;
    }
  }
  for (var c = HELD * LANES + lane; c < end; c += LANES) {
    y[row + c] = x[row + c] / length;
  }
  if (lane == 0u && r < params.rows) {
    norm[r] = length;
  }
}
