// pad_cols — the rows of a matrix with zeros after their end.
//
//   y[r,c] = x[r,c] where c < cols, else 0
//
//   x  f32[rows, cols]
//   y  f32[rows, padded]    padded ≥ cols
//
// One thread per element of y. A copy.

const WG: u32 = 256; // threads per workgroup

struct Params { rows: u32, cols: u32, padded: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = linear_workgroup(group, groups) * WG + thread;
  if (i >= params.rows * params.padded) {
    return;
  }
  let c = i % params.padded;
  var value = 0.0;
  if (c < params.cols) {
    value = x[i / params.padded * params.cols + c];
  }
  y[i] = value;
}
