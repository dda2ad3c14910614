// unit_rows — divide each row of x by its Euclidean length.
//
//   norm[r] = max(√(Σ_c x[r,c]²), TINY)
//   y[r,c]  = x[r,c] / norm[r]
//
//   x, y  f32[rows, cols · VECTOR]
//   norm  f32[rows]          saved for unit_rows_grad
//
// LANES threads per row, which stride over its columns; WG / LANES rows per workgroup. A zero row
// stays zero. Squares leave f32 where |x| > 1e19 (then y is 0) or |x| < 1e-23 (then norm is TINY).
//
// Source: torch.nn.functional.normalize, whose eps TINY is.

const WG: u32 = 64; // threads per workgroup
const LANES: u32 = 8; // threads per row; divides WG (lanes)
const VECTOR: u32 = 1; // elements of a Vector
const TINY: f32 = 1e-12;

alias Vector = f32;

struct Params { rows: u32, cols: u32 /* in Vectors */ }

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
  let row = r * params.cols;
  let end = select(0u, params.cols, r < params.rows);
  var squares = 0.0;
  for (var c = lane; c < end; c += LANES) {
    squares += vector_dot(x[row + c], x[row + c]);
  }
  let length = max(sqrt(lanes_sum(thread, squares)), TINY);
  for (var c = lane; c < end; c += LANES) {
    y[row + c] = x[row + c] / length;
  }
  if (lane == 0u && r < params.rows) {
    norm[r] = length;
  }
}
