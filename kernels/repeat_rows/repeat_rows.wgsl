// repeat_rows — copy a row to every row of a larger tensor.
//
//   y[i] = x[i mod period]
//
//   x  f32[period]
//   y  f32[count]    period divides count
//
// One thread per element of y. Exact.

const WG: u32 = 256; // threads per workgroup

struct Params { count: u32, period: u32 }

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
  if (i < params.count) {
    y[i] = x[i % params.period];
  }
}
