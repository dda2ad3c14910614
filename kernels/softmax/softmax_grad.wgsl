// softmax_grad — the cotangent of softmax's x.
//
//   dx[r,c] = y[r,c] · (dy[r,c] − Σ_k y[r,k] · dy[r,k])
//
//   y, dy, dx  f32[rows, WIDTH · VECTOR]
//
// Masked entries have y = 0 and so dx = 0. LANES threads per row, which stride over its columns;
// WG / LANES rows per workgroup. Rows are read once: a thread keeps the first KEPT Vectors of both
// in registers, and only what is beyond is read again.
//
// A sum runs over a thread's Vectors in order, then their elements, then the lanes as a tree; its
// error is at most WIDTH / LANES + VECTOR + log2(LANES) units in the last place of the sum of
// magnitudes.
//
// Source: derived from the formula of softmax.

const WG: u32 = 64; // threads per workgroup
const LANES: u32 = 32; // threads per row; divides WG (lanes)
const KEPT: u32 = 16; // Vectors of each row that a thread keeps in registers, at most
const WIDTH: u32 = 1; // Vectors of a row
const VECTOR: u32 = 1; // elements of a Vector
const HELD: u32 = min(KEPT, (WIDTH + LANES - 1u) / LANES);

alias Vector = f32;

struct Params { rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<Vector>;
@group(0) @binding(2) var<storage, read> dy: array<Vector>;
@group(0) @binding(3) var<storage, read_write> dx: array<Vector>;

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
  var held_y: array<Vector, HELD>;
  var held_dy: array<Vector, HELD>;
  var sum = Vector();
  for (var i = 0u; i < HELD; i++) {
    let c = i * LANES + lane;
    if (c < end) {
      held_y[i] = y[row + c];
      held_dy[i] = dy[row + c];
      sum += held_y[i] * held_dy[i];
    }
  }
  for (var c = HELD * LANES + lane; c < end; c += LANES) {
    sum += y[row + c] * dy[row + c];
  }
  let along = lanes_sum(thread, vector_dot(Vector(1.0), sum));
  for (var i = 0u; i < HELD; i++) {
    let c = i * LANES + lane;
    if (c < end) {
      dx[row + c] = held_y[i] * (held_dy[i] - Vector(along));
    }
  }
  for (var c = HELD * LANES + lane; c < end; c += LANES) {
    dx[row + c] = y[row + c] * (dy[row + c] - Vector(along));
  }
}
