// unit_rows_grad — the cotangent of unit_rows' x.
//
//   dx[r,c] = (dy[r,c] − y[r,c] · Σ_k y[r,k] · dy[r,k]) / norm[r]    where norm[r] > TINY
//   dx[r,c] = 0                                                      elsewhere
//
//   dy, y, dx  f32[rows, cols · VECTOR]
//   norm       f32[rows]
//
// A row no longer than TINY has no direction: its slope, 1 / TINY, would only overflow what
// follows. LANES threads per row, which stride over its columns; WG / LANES rows per workgroup.
//
// Source: derived from the formula of unit_rows.

const WG: u32 = 64; // threads per workgroup
const LANES: u32 = 8; // threads per row; divides WG (lanes)
const VECTOR: u32 = 1; // elements of a Vector
const TINY: f32 = 1e-12; // as in unit_rows

alias Vector = f32;

struct Params { rows: u32, cols: u32 /* in Vectors */ }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<Vector>;
@group(0) @binding(2) var<storage, read> y: array<Vector>;
@group(0) @binding(3) var<storage, read> norm: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<Vector>;

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
  var along = 0.0;
  for (var c = lane; c < end; c += LANES) {
    along += vector_dot(y[row + c], dy[row + c]);
  }
  along = lanes_sum(thread, along);
  let length = norm[min(r, params.rows - 1u)];
  let inverse = select(0.0, 1.0 / length, length > TINY);
  for (var c = lane; c < end; c += LANES) {
    dx[row + c] = (dy[row + c] - y[row + c] * along) * inverse;
  }
}
