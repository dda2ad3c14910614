// softmax_grad — the cotangent of softmax's x.
//
//   dx[r,c] = y[r,c] · (dy[r,c] − Σ_k y[r,k] · dy[r,k])
//
//   y, dy, dx  f32[rows, cols · VECTOR]
//
// Masked entries have y = 0 and so dx = 0. LANES threads per row, which stride over its columns;
// WG / LANES rows per workgroup. The LANES sums are added in order.
//
// Source: derived from the formula of softmax.

const WG: u32 = 64; // threads per workgroup
const LANES: u32 = 8; // threads per row; divides WG (lanes)
const VECTOR: u32 = 1; // elements of a Vector

alias Vector = f32;

struct Params { rows: u32, cols: u32 /* in Vectors */ }

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
  let row = r * params.cols;
  let cols = select(0u, params.cols, r < params.rows);
  var along = 0.0;
  for (var c = lane; c < cols; c += LANES) {
    along += vector_dot(y[row + c], dy[row + c]);
  }
  along = lanes_sum(thread, along);
  for (var c = lane; c < cols; c += LANES) {
    dx[row + c] = y[row + c] * (dy[row + c] - Vector(along));
  }
}
