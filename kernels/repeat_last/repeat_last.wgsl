// repeat_last — each element of x, cols times in a row.
//
//   y[r,c] = x[r]
//
//   x  f32[rows]
//   y  f32[rows, cols · VECTOR]
//
// One thread per VECTOR columns of ITEMS consecutive rows of y; neighbours take neighbouring
// columns. A copy.

const WG: u32 = 64; // threads per workgroup
const ITEMS: u32 = 4; // rows per thread
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;

struct Params { rows: u32, cols: u32 /* Vectors in a row */ }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<Vector>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let at = linear_workgroup(group, groups) * WG + thread;
  let chunk = at / params.cols;
  let c = at - chunk * params.cols;
  let end = min((chunk + 1u) * ITEMS, params.rows);
  for (var r = chunk * ITEMS; r < end; r++) {
    y[r * params.cols + c] = Vector(x[r]);
  }
}
