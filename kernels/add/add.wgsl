// add — elementwise sum; y repeats along the leading dimensions of x.
//
//   z[i] = x[i] + y[i mod period]
//
//   x, z  f32[count]
//   y     f32[period]    period divides count
//
// One thread per element. One rounding.

const WG: u32 = 256; // threads per workgroup

struct Params { count: u32, period: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> z: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = linear_workgroup(group, groups) * WG + thread;
  if (i < params.count) {
    z[i] = x[i] + y[i % params.period];
  }
}
